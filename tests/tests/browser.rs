//! The main job in Debian's Chromium with JavaScript off, on both databases; and the script's own part with it on.

use crate::journey::{
    BUYER, Bank, SUPPLIER, approve, cash, incoming, onboard, real_invoice, second_of, set_limit, verify_account,
};
use e2e::world::{PASSWORD, World};
use e2e::{Database, databases};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use thirtyfour::prelude::*;

/// Chromium's driver, ended with the test.
pub struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    pub fn start() -> Option<Self> {
        let port = databases::free_port();
        let child =
            // The browser lives on the real day: a faked one stops it.
            Command::new("chromedriver").env_remove("LD_PRELOAD").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            assert!(std::env::var("KONTOR_REQUIRE_ALL").is_err(), "chromedriver is needed and not installed");
            println!("left out: chromedriver is not installed");
            return None;
        };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { child, port })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One person's browser, in a profile of its own.
pub struct Browser {
    pub web: WebDriver,
    pub base: String,
}

pub type Done = WebDriverResult<()>;

impl Browser {
    pub async fn open(driver: &Driver, base: &str, script: bool) -> WebDriverResult<Self> {
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
        ] {
            wanted.add_arg(argument)?;
        }
        if !script {
            wanted.add_experimental_option(
                "prefs",
                serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 }),
            )?;
        }
        let web = WebDriver::new(&format!("http://127.0.0.1:{}", driver.port), wanted).await?;
        // Secure cookies work on localhost without TLS.
        let base = base.replace("127.0.0.1", "localhost");
        Ok(Self { web, base })
    }

    pub async fn go(&self, path: &str) -> Done {
        self.web.goto(format!("{}{path}", self.base)).await
    }

    pub async fn text(&self) -> WebDriverResult<String> {
        self.web.find(By::Css("main")).await?.text().await
    }

    /// Waits until the page says this: a click may answer before the next page stands.
    pub async fn says(&self, words: &str) -> Done {
        let mut shown = String::new();
        for _ in 0..100 {
            shown = self.text().await.unwrap_or_default();
            if shown.contains(words) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{words:?} is not on the page: {shown}");
    }

    async fn path(&self) -> WebDriverResult<String> {
        Ok(self.web.current_url().await?.path().to_owned())
    }

    pub async fn write(&self, name: &str, value: &str) -> Done {
        let field = self.web.find(By::Css(format!("main [name='{name}']"))).await?;
        let kind = field.attr("type").await?.unwrap_or_default();
        if kind != "file" && field.tag_name().await? != "select" {
            field.clear().await?;
        }
        field.send_keys(value).await
    }

    /// Presses the button of the form that leads to `action`.
    pub async fn press(&self, action: &str) -> Done {
        self.web.find(By::Css(format!("main form[action='{action}'] button"))).await?.click().await
    }

    async fn follow(&self, begins: &str) -> WebDriverResult<String> {
        let link = self.web.find(By::Css(format!("main a[href^='{begins}']"))).await?;
        let path = link.attr("href").await?.unwrap_or_default();
        self.go(&path).await?;
        Ok(path)
    }

    pub async fn sign_in(&self, email: &str) -> Done {
        self.go("/login").await?;
        self.write("email", email).await?;
        self.write("password", PASSWORD).await?;
        self.press("/login").await?;
        self.says("What must be done").await
    }
}

pub fn run(work: impl Future<Output = Done>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work).unwrap();
}

#[test]
fn the_main_job_in_chromium_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    for database in Database::both() {
        let world = World::start(database, "2021-05-26");
        let operator = world.signed_in("operator@x.example");
        onboard(&world, &operator, SUPPLIER);
        onboard(&world, &operator, BUYER);
        onboard(&world, &operator, ("Bank One", "DE111111111", "financier", "one@x.example"));
        for email in [SUPPLIER.3, BUYER.3, "one@x.example"] {
            set_limit(&world, email, "EUR", "1,000,000.00");
        }
        verify_account(&world, (&operator, &world.signed_in("operator2@x.example")), SUPPLIER.3, "BE68 5390 0754 7034");
        run(walk(&driver, &world));
        assert_eq!(cash(&world.api("one@x.example")), 700_000 - 603_668 + 606_600);
        world.verify();
    }
}

async fn walk(driver: &Driver, world: &World) -> Done {
    let mut bank = Bank::new();
    let folder = &world.database.folder;
    let put = |name: &str, content: Vec<u8>| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let one = Browser::open(driver, &world.base, false).await?;
    one.sign_in("one@x.example").await?;
    one.go("/org").await?;
    let reference = one.text().await?.split_whitespace().find(|word| word.starts_with("RF")).unwrap().to_owned();
    one.go("/exposure").await?;
    one.write("currency", "EUR").await?;
    one.write("limit", "10,000.00").await?;
    one.press("/exposure").await?;
    one.says("waits for a second person").await?;
    std::thread::scope(|scope| scope.spawn(|| approve(&world.signed_in(&second_of("one@x.example")))).join().unwrap());

    let operator = Browser::open(driver, &world.base, false).await?;
    operator.sign_in("operator@x.example").await?;
    operator.go("/ops/bank-files").await?;
    operator
        .write("files", &put("deposit.xml", bank.statement("2021-05-26".parse().unwrap(), &[incoming(700_000, &reference)])))
        .await?;
    operator.press("/ops/bank-files").await?;
    operator.says("Nothing of this file is booked yet").await?;
    operator.web.find(By::Css("main form[action^='/ops/bank-files/'] button")).await?.click().await?;
    operator.says("waits for a second person").await?;
    // Agreeing waits for the writer, which an async thread may not.
    std::thread::scope(|scope| scope.spawn(|| world.agree_to_file()).join().unwrap());

    let supplier = Browser::open(driver, &world.base, false).await?;
    supplier.sign_in(SUPPLIER.3).await?;
    supplier.go("/invoices/upload").await?;
    supplier.write("files", &put("real.xml", real_invoice())).await?;
    supplier.press("/invoices/upload").await?;
    supplier.says("1 of 1 file accepted").await?;
    let invoice = supplier.follow("/invoices/1").await?;
    supplier.press(&format!("{invoice}/submit")).await?;
    supplier.says("Invoice submitted").await?;

    let buyer = Browser::open(driver, &world.base, false).await?;
    buyer.sign_in(BUYER.3).await?;
    buyer.go("/payables?state=presented").await?;
    let payable = buyer.follow("/payables/1").await?;
    buyer.press(&format!("{payable}/check")).await?;
    buyer.says("irrevocably and unconditionally undertakes to pay EUR 6,740.00").await?;
    buyer.press(&format!("{payable}/confirm")).await?;
    buyer.says("Invoice confirmed").await?;
    let receipt = buyer.path().await?;
    buyer.web.refresh().await?;
    assert_eq!(buyer.path().await?, receipt, "reloading the receipt repeats nothing");

    supplier.go("/receivables").await?;
    let receivable = supplier.follow("/receivables/1").await?;
    supplier.write("rate", "6").await?;
    supplier.press(&format!("{receivable}/offer")).await?;
    supplier.says("Net cash").await?;
    supplier.press(&format!("{receivable}/offer")).await?;
    supplier.says("Fractions offered").await?;

    one.go("/market").await?;
    let offer = one.follow("/market/1").await?;
    one.write("units", "6,066.00").await?;
    one.press(&format!("{offer}/check")).await?;
    one.says("EUR 6,036.68").await?;
    one.press(&format!("{offer}/buy")).await?;
    one.says("Fractions bought").await?;

    buyer.go(&payable).await?;
    let reference = buyer.text().await?.split_whitespace().find(|word| word.starts_with("RF")).unwrap().to_owned();
    // Ending days waits for the writer, which an async thread may not.
    std::thread::scope(|scope| scope.spawn(|| world.move_to("2021-06-24")).join().unwrap());
    operator.go("/ops/bank-files").await?;
    operator
        .write("files", &put("payment.xml", bank.statement("2021-06-24".parse().unwrap(), &[incoming(674_000, &reference)])))
        .await?;
    operator.press("/ops/bank-files").await?;
    operator.says("Nothing of this file is booked yet").await?;
    operator.web.find(By::Css("main form[action^='/ops/bank-files/'] button")).await?.click().await?;
    operator.says("waits for a second person").await?;
    // Agreeing waits for the writer, which an async thread may not.
    std::thread::scope(|scope| scope.spawn(|| world.agree_to_file()).join().unwrap());
    operator.go("/ops/trial-balance").await?;
    operator.says("Every asset sums to zero").await?;
    buyer.go(&payable).await?;
    buyer.says("Paid").await?;
    one.go("/cash/statement?currency=EUR").await?;
    one.says("Redemption").await?;
    for browser in [one, operator, supplier, buyer] {
        browser.web.quit().await?;
    }
    Ok(())
}

/// A new invoice of the demo's first supplier to its first buyer.
fn own_invoice(world: &World) -> String {
    let today = store::records::load_heads(&mut world.conn()).unwrap().business_date;
    server::demo::files::ubl(&server::demo::files::DemoInvoice {
        number: "SCRIPT-1",
        issue_date: today,
        due_date: today + chrono::Days::new(60),
        currency: domain::Currency::EUR,
        net_minor: 471_100,
        seller: ("Elbe Feinmechanik GmbH", "DE136695976"),
        buyer: ("Hansewerk Maschinenbau AG", "DE811569869"),
        order: "1",
        item: "Goods",
    })
}

/// With JavaScript: no violation of the policy, nothing from elsewhere, and a double submit does it once.
/// ASVS 3.4.3: the script works under the policy that every page carries.
#[test]
fn the_script_keeps_to_the_policy() {
    let Some(driver) = Driver::start() else { return };
    let world = World::demo(Database::sqlite(), 10);
    run(async {
        let browser = Browser::open(&driver, &world.base, true).await?;
        browser.sign_in("supplier1@kontor.example").await?;
        for path in ["/home", "/invoices", "/invoices/upload", "/receivables", "/cash", "/account/security"] {
            browser.go(path).await?;
            let wide = browser.web.execute("return document.documentElement.scrollWidth - window.innerWidth", vec![]).await?;
            assert!(wide.json().as_i64().unwrap_or(0) <= 0, "{path} scrolls sideways");
            let foreign = "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin) && !e.name.startsWith('data:')).length";
            assert_eq!(browser.web.execute(foreign, vec![]).await?.json().as_i64(), Some(0), "{path} loads from elsewhere");
            let headings = browser.web.find_all(By::Css("h1")).await?.len();
            assert_eq!(headings, 1, "{path}");
        }
        // What became of each file is shown, not only kept.
        let places = ["good.xml", "bad.xml"].map(|name| world.database.folder.join(name).display().to_string());
        std::fs::write(&places[0], own_invoice(&world)).unwrap();
        std::fs::write(&places[1], "<Invoice>").unwrap();
        for (files, said) in [(places.join("\n"), "1 of 2 files accepted"), (places[1].clone(), "0 of 1")] {
            browser.go("/invoices/upload").await?;
            browser.write("files", &files).await?;
            browser.press("/invoices/upload").await?;
            browser.says(said).await?;
            browser.says("bad.xml").await?;
        }
        browser.web.quit().await
    });
}
