//! Ways through the pages in Chromium without JavaScript, on both databases: twenty mixed files by a supplier, a dispute that is settled; and
//! the evidence as it is printed.

use crate::browser::{Browser, Done, Driver, run};
use crate::intake::{invoice_over as invoice, pack};
use crate::journey::{BUYER, SUPPLIER, onboard, second_of, set_limit};
use domain::invoice::InvoiceState;
use e2e::Database;
use e2e::world::World;
use store::Invoice;
use store::records::Record;
use thirtyfour::prelude::*;

/// Twenty files: eight good ones, five wrong, three that are here already, four hostile; and what the page says of each.
fn twenty() -> Vec<(String, Vec<u8>, &'static str)> {
    let file = |name: &str, content: Vec<u8>, says: &'static str| (name.to_owned(), content, says);
    let mut files: Vec<_> = (1..=7_i64)
        .map(|at| {
            file(&format!("good-{at}.xml"), invoice(&format!("W-{at}"), 100_000 + at * 1_000).into_bytes(), "is a draft now")
        })
        .collect();
    files.push(file("good-8.zip", pack(&[("eight.xml", invoice("W-8", 150_000).as_bytes())]), "W-8"));
    let wrong = |from: &str, to: &str| {
        let text = invoice("W-20", 200_000);
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    };
    files.push(file(
        "wrong-total.xml",
        wrong("<cbc:PayableAmount currencyID=\"EUR\">2380.00", "<cbc:PayableAmount currencyID=\"EUR\">2380.01"),
        "Rule BR-CO-16",
    ));
    files.push(file("wrong-day.xml", wrong("2021-05-25", "2021-02-30"), "2021-02-30"));
    let seller = invoice("W-20", 200_000).replace(SUPPLIER.1, "BE0999999999").replace(SUPPLIER.0, "Somebody Else");
    files.push(file("wrong-seller.xml", seller.into_bytes(), "The seller in the file has the tax id"));
    files.push(file("no-number.xml", wrong("<cbc:ID>W-20</cbc:ID>", ""), "Rule BR-02"));
    files.push(file("letter.txt", b"Dear Sir or Madam".to_vec(), "letter.txt"));
    files.push(file("again.xml", invoice("W-1", 101_000).into_bytes(), "W-1 is on Kontor already"));
    files.push(file("again-other-writing.xml", invoice("w 2", 102_000).into_bytes(), "w 2 is on Kontor already"));
    files.push(file("again.zip", pack(&[("three.xml", invoice("W-3", 103_000).as_bytes())]), "W-3 is on Kontor already"));
    let entities = format!("<!DOCTYPE x [<!ENTITY a \"{}\">]>", "&b;".repeat(50));
    files.push(file(
        "laughs.xml",
        invoice("W-30", 300_000).replacen("?>", &format!("?>{entities}"), 1).into_bytes(),
        "laughs.xml",
    ));
    files.push(file("nested.zip", pack(&[("inner.zip", b"PK\x03\x04")]), "archive inside the archive"));
    files.push(file("broken.pdf", b"%PDF-1.7\nno table of objects".to_vec(), "The PDF is damaged"));
    files.push(file("bomb.zip", pack(&[("bomb.xml", &vec![b' '; 12 * 1024 * 1024])]), "unpacks to more than 10 MB"));
    assert_eq!(files.len(), 20);
    files
}

#[test]
fn twenty_mixed_files_in_chromium_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        run(upload_twenty(&driver, &world));
        let kept = Invoice::list_where(&mut world.conn(), "1 = 1 ORDER BY number", &[]).unwrap();
        let numbers: Vec<&str> = kept.iter().map(|row| row.number.as_str()).collect();
        assert_eq!(numbers, ["W-1", "W-2", "W-3", "W-4", "W-5", "W-6", "W-7", "W-8"], "a bad file never blocks a good one");
        assert!(kept.iter().all(|row| row.state == InvoiceState::Draft && row.review.get().is_none()));
        world.verify();
    }
}

async fn upload_twenty(driver: &Driver, world: &World) -> Done {
    let files = twenty();
    let paths: Vec<String> = files
        .iter()
        .map(|(name, content, _)| {
            let path = world.database.folder.join(name);
            std::fs::write(&path, content).unwrap();
            path.display().to_string()
        })
        .collect();
    let supplier = Browser::open(driver, &world.base, false).await?;
    supplier.sign_in(SUPPLIER.3).await?;
    supplier.go("/invoices/upload").await?;
    supplier.write("files", &paths.join("\n")).await?;
    supplier.press("/invoices/upload").await?;
    supplier.says("8 of 20 files accepted").await?;
    let text = supplier.text().await?;
    for (name, _, says) in &files {
        assert!(text.contains(name.as_str()) && text.contains(says), "{name}: {says}: {text}");
    }
    // What was taken is there after all else, and can be gone on with.
    supplier.go("/invoices?state=draft").await?;
    let drafts = supplier.text().await?;
    assert!((1..=8).all(|at| drafts.contains(&format!("W-{at}"))) && !drafts.contains("W-20"), "{drafts}");
    supplier.web.quit().await
}

#[test]
fn a_dispute_is_settled_in_chromium_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        set_limit(&world, BUYER.3, "EUR", "1,000,000.00");
        run(dispute_and_settle(&driver, &world));
        let row = Invoice::find_where(&mut world.conn(), "number = 'W-1'", &[]).unwrap().unwrap();
        assert_eq!((row.state.name(), row.confirmed_minor), ("confirmed", 119_000));
        world.verify();
    }
}

async fn dispute_and_settle(driver: &Driver, world: &World) -> Done {
    let supplier = Browser::open(driver, &world.base, false).await?;
    supplier.sign_in(SUPPLIER.3).await?;
    let path = world.database.folder.join("one.xml");
    std::fs::write(&path, invoice("W-1", 100_000)).unwrap();
    supplier.go("/invoices/upload").await?;
    supplier.write("files", &path.display().to_string()).await?;
    supplier.press("/invoices/upload").await?;
    supplier.says("1 of 1 file accepted").await?;
    let own = supplier.web.find(By::Css("main a[href^='/invoices/1']")).await?.attr("href").await?.unwrap();
    supplier.go(&own).await?;
    supplier.press(&format!("{own}/submit")).await?;
    supplier.says("Invoice submitted").await?;

    let payable = own.replace("/invoices/", "/payables/");
    let buyer = Browser::open(driver, &world.base, false).await?;
    buyer.sign_in(BUYER.3).await?;
    buyer.go(&payable).await?;
    let form = format!("main form[action='{payable}/dispute']");
    buyer.web.find(By::Css(format!("{form} [name='clarification']"))).await?.send_keys("Quantity").await?;
    buyer.web.find(By::Css(format!("{form} [name='reason']"))).await?.send_keys("one box is missing").await?;
    buyer.press(&format!("{payable}/dispute")).await?;
    buyer.says("Invoice disputed").await?;
    buyer.go(&payable).await?;
    let page = buyer.text().await?;
    assert!(
        page.contains("one box is missing") && buyer.web.find(By::Css(format!("form[action='{payable}/check']"))).await.is_err(),
        "{page}"
    );

    supplier.go(&own).await?;
    supplier.says("one box is missing").await?;
    supplier.write("text", "It is on its way, 12 June.").await?;
    supplier.press(&format!("{own}/message")).await?;
    supplier.says("Message sent").await?;

    buyer.go(&payable).await?;
    buyer.says("It is on its way, 12 June.").await?;
    let form = format!("main form[action='{payable}/settle']");
    buyer.web.find(By::Css(format!("{form} [name='text']"))).await?.send_keys("the box has come").await?;
    buyer.press(&format!("{payable}/settle")).await?;
    buyer.says("Dispute settled").await?;
    supplier.go(&own).await?;
    supplier.says("the box has come").await?;
    buyer.go(&payable).await?;
    buyer.press(&format!("{payable}/check")).await?;
    buyer.says("irrevocably and unconditionally undertakes to pay EUR 1,190.00").await?;
    buyer.press(&format!("{payable}/confirm")).await?;
    buyer.says("Invoice confirmed").await?;
    print_evidence(&buyer, &payable.replace("/payables/", "/undertakings/")).await?;
    for browser in [supplier, buyer] {
        browser.web.quit().await?;
    }
    Ok(())
}

#[test]
fn a_programme_is_joined_in_chromium_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        run(propose_and_join(&driver, &world));
        let member = store::ProgrammeMember::find_where(&mut world.conn(), "state = 'joined'", &[]).unwrap().unwrap();
        assert_eq!(member.version, 1);
        world.verify();
    }
}

/// The newest request, agreed to by this person.
async fn agree(driver: &Driver, world: &World, email: &str, says: &str) -> Done {
    let checker = Browser::open(driver, &world.base, false).await?;
    checker.sign_in(email).await?;
    checker.go("/approvals?state=pending").await?;
    let page = checker.web.find(By::Css("main a[href^='/approvals/1']")).await?.attr("href").await?.unwrap();
    checker.go(&page).await?;
    checker.says(says).await?;
    checker.press(&page).await?;
    checker.says("Done and recorded").await?;
    checker.web.quit().await
}

async fn propose_and_join(driver: &Driver, world: &World) -> Done {
    let buyer = Browser::open(driver, &world.base, false).await?;
    buyer.sign_in(BUYER.3).await?;
    buyer.go("/programmes").await?;
    buyer.says("There is no programme yet").await?;
    buyer.go("/programmes/propose").await?;
    buyer.write("name", "Harbour").await?;
    buyer.press("/programmes/propose/check").await?;
    for part in ["Harbour", "80 %", "15 to 180 days", "the operator decides"] {
        buyer.says(part).await?;
    }
    buyer.press("/programmes/propose").await?;
    buyer.says("second person").await?;
    agree(driver, world, &second_of(BUYER.3), "Propose programme terms").await?;

    let operator = Browser::open(driver, &world.base, false).await?;
    operator.sign_in("operator@x.example").await?;
    operator.go("/ops/programmes/versions?state=version_proposed").await?;
    let version = operator.web.find(By::Css("main a[href^='/ops/programmes/versions/1']")).await?.attr("href").await?.unwrap();
    operator.go(&version).await?;
    operator.says("Harbour, version 1").await?;
    operator.write("reason", "as discussed").await?;
    operator.press(&version).await?;
    operator.says("second person").await?;
    agree(driver, world, "operator2@x.example", "15 to 180 days").await?;
    operator.web.quit().await?;

    buyer.go("/programmes").await?;
    let page = buyer.web.find(By::Css("main a[href^='/programmes/1']")).await?.attr("href").await?.unwrap();
    buyer.go(&page).await?;
    buyer.write("suppliers", SUPPLIER.0).await?;
    buyer.press(&format!("{page}/invite")).await?;
    buyer.says("Suppliers invited to a programme").await?;

    let supplier = Browser::open(driver, &world.base, false).await?;
    supplier.sign_in(SUPPLIER.3).await?;
    supplier.go("/memberships?state=to_answer").await?;
    let own = supplier.web.find(By::Css("main a[href^='/memberships/1']")).await?.attr("href").await?.unwrap();
    supplier.go(&own).await?;
    supplier.says("Nothing holds before you join").await?;
    supplier.press(&format!("{own}/join")).await?;
    supplier.says("accepts exactly these terms").await?;
    supplier.press(&format!("{own}/answer")).await?;
    supplier.says("Programme terms answered").await?;
    supplier.go(&own).await?;
    supplier.says("Terms you have accepted").await?;
    buyer.go(&page).await?;
    buyer.says("Joined").await?;
    for browser in [supplier, buyer] {
        browser.web.quit().await?;
    }
    Ok(())
}

/// On paper stands everything that the evidence says, and nothing of the page around it; no digest is cut off at the margin.
async fn print_evidence(buyer: &Browser, path: &str) -> Done {
    buyer.go(path).await?;
    let shown = buyer.text().await?;
    let tools = buyer.web.cdp();
    tools.send_raw("Emulation.setEmulatedMedia", serde_json::json!({ "media": "print" })).await?;
    // The width of A4 less its margins.
    let size = serde_json::json!({ "width": 657, "height": 986, "deviceScaleFactor": 1, "mobile": false });
    tools.send_raw("Emulation.setDeviceMetricsOverride", size).await?;
    let printed = buyer.text().await?;
    for part in
        ["irrevocably and unconditionally", "Real Supplier", "Real Buyer", "EUR 1,190.00", "First Person", "2026-11", "Check"]
    {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let digests = |text: &str| text.split_whitespace().filter(|word| word.len() == 64).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(digests(&printed), digests(&shown));
    assert!(digests(&printed).len() >= 2, "of the file and of the evidence: {printed}");
    for hidden in ["header.top", "main form", "main .links", "footer"] {
        for element in buyer.web.find_all(By::Css(hidden)).await? {
            assert!(!element.is_displayed().await?, "{hidden} is printed");
        }
    }
    let main = buyer.web.find(By::Css("main")).await?.rect().await?;
    for element in buyer.web.find_all(By::Css("main p, main code, main dd, main dt, main h1")).await? {
        let place = element.rect().await?;
        assert!(place.x + place.width <= main.x + main.width + 1.0, "{} is cut off", element.text().await?);
    }
    Ok(())
}
