//! Every page of the program, as every kind of person, in both languages: its structure, its forms fed with garbage, and in
//! Chromium its width, its policy and (where axe is at hand) its accessibility.

use crate::browser::{Browser, Done, Driver, run};
use e2e::client::encode;
use e2e::world::PASSWORD;
use e2e::{Answer, Client, Database, World};
use server::http::routes::Routes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use store::records::Record;

/// Whoever looks: nobody, and each capacity as maker, checker and viewer.
const PEOPLE: &[&str] = &[
    "",
    "operator",
    "operator2",
    "supplier1",
    "supplier1.checker",
    "supplier1.viewer",
    "supplier2",
    "buyer1",
    "buyer1.checker",
    "buyer1.viewer",
    "financier1",
    "financier1.checker",
    "financier1.viewer",
];

/// What is no page: files, and answers for machines.
fn is_page(path: &str) -> bool {
    ![
        "/api/",
        "/assets/",
        "/documents/",
        "/responses/",
        "/confirmation-documents/",
        "/evidence/",
        "/assignment-texts/",
        "/log/",
        "/position-proof/file",
        "/invoices/template",
        "/healthz",
        "/readyz",
    ]
    .iter()
    .any(|other| path.starts_with(other))
        && path != "/"
}

/// The route that a path belongs to.
fn route_of<'a>(routes: &[&'a str], path: &str) -> Option<&'a str> {
    let plain = path.split(['?', '#']).next().unwrap();
    let fits = |route: &str| {
        let (wanted, given): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), plain.split('/').collect());
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || (w.starts_with('{') && !g.is_empty()))
    };
    // The most literal route wins, as it does in the server.
    routes.iter().copied().filter(|route| fits(route)).min_by_key(|route| route.matches('{').count())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = format!(" {name}=\"");
    let value = tag.split_once(&start)?.1.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}

/// The tags of a kind, each without its content.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("<{name}");
    let ends = |rest: &str| rest.starts_with([' ', '>']);
    html.split(start.as_str()).skip(1).filter(|rest| ends(rest)).map(|rest| rest.split('>').next().unwrap()).collect()
}

fn main_of(html: &str) -> &str {
    html.split_once("<main").map_or("", |(_, rest)| rest.split_once("</main>").map_or("", |(main, _)| main))
}

/// A form of a page: how it is sent, where to, and what it would send.
struct FoundForm {
    post: bool,
    action: String,
    fields: Vec<(String, String)>,
    visible: Vec<String>,
    files: bool,
}

fn forms_of(answer: &Answer) -> Vec<FoundForm> {
    let main = main_of(&answer.body);
    let form = |inside: &str| {
        let open = inside.split('>').next().unwrap();
        let body = inside.split("</form>").next().unwrap();
        let mut found = FoundForm {
            post: open.contains("method=\"post\""),
            action: attribute(open, "action").unwrap(),
            fields: Vec::new(),
            visible: Vec::new(),
            files: open.contains("multipart"),
        };
        for kind in ["input", "select", "textarea"] {
            for tag in tags(body, kind) {
                let name = attribute(tag, "name").unwrap();
                let value = attribute(tag, "value").unwrap_or_default();
                if !tag.contains("type=\"hidden\"") {
                    found.visible.push(name.clone());
                }
                found.fields.push((name, value));
            }
        }
        found
    };
    main.split("<form ").skip(1).map(form).collect()
}

/// Pages that a person can reach: two of each route, and each filter of the lists that has something to do.
fn reachable(client: &Client, routes: &[&'static str], name: &str) -> BTreeMap<String, Answer> {
    // What somebody can still act on comes first, so that the forms of its pages are among those that are seen.
    let mut waiting: VecDeque<String> = [
        "/payables?state=presented",
        "/receivables?state=issued",
        "/receivables?state=active",
        "/invoices?state=draft",
        "/ops/bank-lines?state=attention",
        "/ops/bank-lines?state=suspense",
        "/ops/statements?state=gap",
        "/approvals?state=pending",
        "/nowhere",
    ]
    .map(str::to_owned)
    .into();
    waiting.extend(routes.iter().filter(|path| !path.contains('{')).map(|path| (*path).to_owned()));
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found: BTreeMap<String, Answer> = BTreeMap::new();
    while let Some(path) = waiting.pop_front() {
        let route = if path == "/nowhere" { "/nowhere" } else { route_of(routes, &path).unwrap_or("") };
        let known = seen.entry(route).or_default();
        if route.is_empty() || found.contains_key(&path) || *known >= 3 || path.contains("format=csv") {
            continue;
        }
        let answer = client.get(&path);
        // Another's pages are turned away; the matrix of rights has its own test.
        if answer.status == 303 || (answer.status == 403 && !name.is_empty()) {
            continue;
        }
        *known += 1;
        for tag in tags(&answer.body, "a") {
            waiting.extend(attribute(tag, "href").filter(|href| href.starts_with('/')));
        }
        for form in forms_of(&answer).into_iter().filter(|form| !form.post) {
            let typed = |name: &str, value: &str| match (name, value) {
                ("rate", "") => "5".to_owned(),
                ("units" | "amount", "") => "1,000.00".to_owned(),
                ("reason", "") => "Seen at the bank".to_owned(),
                // The way out that needs no other record.
                ("act", _) => "explain".to_owned(),
                ("change", _) => "suspend".to_owned(),
                ("fee_bearer", _) => "buyer".to_owned(),
                ("recourse", _) => "none".to_owned(),
                ("currency", "") if form.action.ends_with("/propose/check") => "EUR".to_owned(),
                ("name", "") => "Another programme".to_owned(),
                ("reference", "") => reference_of(client),
                ("value_date" | "as_of", "") => "2026-01-05".to_owned(),
                _ => value.to_owned(),
            };
            let query: Vec<String> =
                form.fields.iter().map(|(name, value)| format!("{name}={}", encode(&typed(name, value)))).collect();
            waiting.push_back(format!("{}?{}", form.action, query.join("&")));
        }
        found.insert(path, answer);
    }
    found
}

/// A reference that somebody may quote: that of the company itself.
fn reference_of(client: &Client) -> String {
    client.get("/org").text().split_whitespace().find(|word| word.starts_with("RF")).unwrap_or("RF").to_owned()
}

/// Demo companies with an open invitation and somebody who has forgotten the password.
fn pages_behind_links(world: &World) -> Vec<String> {
    let visitor = world.client();
    let _ = visitor.fill("/password/reset", "/password/reset", &[("email", "supplier9@kontor.example")]);
    let mut found = Vec::new();
    for (address, begins) in [
        ("supplier9@kontor.example", "/password/reset/"),
        ("lotsen@kontor.example", "/invitations/"),
        ("nordwerft@kontor.example", "/confirm/"),
    ] {
        for _ in 0..100 {
            let mail = world.mail(address);
            let link = mail.body.split_whitespace().find_map(|word| word.strip_prefix("http://kontor.test"));
            if let Some(link) = link.filter(|link| link.starts_with(begins)) {
                found.push(link.to_owned());
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    assert_eq!(found.len(), 3, "{found:?}");
    // What its forms lead to.
    let link = found.last().cloned().unwrap();
    for (name, value) in
        [("act=confirm&amount=100.00&reason=less&due_date", "2026-12-30"), ("act=reject&clarification=UNR&text", "wrong")]
    {
        found.push(format!("{link}/check?{name}={value}"));
    }
    found
}

/// Check pages of acts that only the operators' own decisions lead to: a placed line, and a return that is in no file yet.
fn pages_behind_decisions(world: &World) -> Vec<String> {
    let line = |condition: &str| {
        let found = store::BankLine::find_where(&mut world.conn(), &format!("{condition} ORDER BY id LIMIT 1"), &[]);
        found.unwrap().unwrap_or_else(|| panic!("no line with {condition}")).id
    };
    let placed = line("state = 'matched' AND direction = 'in' AND payout_id IS NULL AND party_id IS NOT NULL");
    let unplaced = line("state = 'suspense' AND counterparty_iban <> ''");
    let back = serde_json::json!({ "line_id": unplaced, "reason": "nobody's" });
    let asked = world.api("operator@kontor.example").api("return-suspense", "pages-return", &back).json();
    let request = format!("/approvals/{}", asked["awaits_approval"]);
    let agreed = person(world, "operator2").fill(&request, &request, &[]);
    assert_eq!(agreed.status, 200, "{asked} {}", agreed.text());
    let payout = store::Payout::find_where(&mut world.conn(), "bank_line_id = ?", &[unplaced.into()]).unwrap().unwrap().id;
    vec![format!("/ops/bank-lines/{placed}/take-back?reason=wrong"), format!("/ops/payouts/{payout}/cancel")]
}

/// The receipt of the last thing that a person's company did.
fn last_receipt(world: &World, name: &str) -> String {
    let sql = "SELECT MAX(a.seq) AS value FROM audit a JOIN users u ON u.party_id = a.party_id WHERE u.email = ?";
    let email = format!("{name}@kontor.example");
    let last = store::query::int(&mut world.conn(), sql, &[email.as_str().into()]).unwrap().unwrap();
    format!("/receipts/{last}")
}

fn routes() -> Vec<&'static str> {
    Routes::all().list.iter().filter(|route| route.method == "GET" && is_page(route.path)).map(|route| route.path).collect()
}

fn person(world: &World, name: &str) -> Client {
    if name.is_empty() { world.client() } else { world.signed_in(&format!("{name}@kontor.example")) }
}

/// What can be said of a page from its text alone.
fn check_structure(answer: &Answer, lang: &str, place: &str) {
    let html = answer.body.as_str();
    assert!(answer.status < 500, "{place}: {}", answer.status);
    assert_eq!(tags(html, "h1").len(), 1, "{place}: one h1");
    assert!(html.contains(&format!("<html lang=\"{lang}\"")), "{place}: language");
    for landmark in ["header", "main", "footer", "title"] {
        assert_eq!(tags(html, landmark).len(), 1, "{place}: {landmark}");
    }
    let first_link = tags(html.split_once("<body").unwrap().1, "a")[0];
    assert!(first_link.contains("#main"), "{place}: the skip link comes first");
    let ids: Vec<String> = html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{place}: an id stands twice: {ids:?}");
    let labelled: BTreeSet<String> = tags(html, "label").iter().filter_map(|tag| attribute(tag, "for")).collect();
    for kind in ["input", "select", "textarea"] {
        for tag in tags(html, kind).iter().filter(|tag| !tag.contains("type=\"hidden\"")) {
            assert!(attribute(tag, "id").is_some_and(|id| labelled.contains(&id)), "{place}: no label: {tag}");
            let described = attribute(tag, "aria-describedby").unwrap_or_default();
            for id in described.split_whitespace() {
                assert!(ids.iter().any(|known| known == id), "{place}: nothing has the id {id}");
            }
        }
    }
    for table in html.split("<table>").skip(1) {
        let table = table.split("</table>").next().unwrap();
        let head = table.split("</thead>").next().unwrap();
        let columns = tags(head, "th");
        assert!(table.contains("<caption") && !columns.is_empty(), "{place}: a table without its heads");
        assert!(columns.iter().all(|tag| tag.contains("scope=\"col\"")), "{place}: scope");
    }
    assert!(!html.contains(" style=") && !html.contains(" onclick="), "{place}: the policy forbids it");
    let text = answer.text();
    let raw = text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).find(|(key, _)| {
        key.contains('-') && key.chars().all(|mark| mark.is_ascii_lowercase() || mark.is_ascii_digit() || mark == '-')
    });
    assert_eq!(raw, None, "{place}: shows a text's key");
}

fn title_of(answer: &Answer) -> String {
    answer.body.split_once("<title>").unwrap().1.split("</title>").next().unwrap().to_owned()
}

/// Structure, titles and coverage: no route is a page that nobody of the demo world can reach.
#[test]
fn every_page_is_well_made_in_both_languages() {
    let world = World::demo(Database::sqlite(), 90);
    let routes = routes();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut pages = 0;
    for name in PEOPLE {
        let client = person(&world, name);
        let mut paths: Vec<String> = reachable(&client, &routes, name).into_keys().collect();
        if name.is_empty() {
            paths.extend(pages_behind_links(&world));
        } else {
            paths.push(last_receipt(&world, name));
        }
        for (code, lang) in [("en", "en"), ("zh", "zh-Hans")] {
            client.set_cookie("__Host-language", code);
            let mut titles: BTreeMap<String, &str> = BTreeMap::new();
            for path in &paths {
                let answer = client.get(path);
                check_structure(&answer, lang, &format!("{name} {path} {code}"));
                reached.extend(route_of(&routes, path));
                pages += 1;
                // Two routes that lead to different things are told apart in the browser's history.
                let title = title_of(&answer);
                let route = route_of(&routes, path).unwrap_or("");
                if answer.status == 200 {
                    let other = titles.insert(title.clone(), route).filter(|other| *other != route);
                    assert_eq!(other, None, "{name} {path}: {title:?} is another page's title");
                }
            }
        }
    }
    let operator = person(&world, "operator");
    for path in pages_behind_decisions(&world) {
        for (code, lang) in [("en", "en"), ("zh", "zh-Hans")] {
            operator.set_cookie("__Host-language", code);
            let answer = operator.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            check_structure(&answer, lang, &format!("{path} {code}"));
        }
        reached.extend(route_of(&routes, &path));
    }
    let unseen: Vec<&&str> = routes.iter().filter(|route| !reached.contains(**route)).collect();
    assert!(unseen.is_empty(), "nobody reaches {unseen:?}");
    println!("{pages} pages");
}

/// A form that was filled with garbage shows itself again: the summary first, the title says so, what was typed is kept.
/// ASVS 1.2.1, 2.2.2: what was typed comes back escaped, and the server alone judges it.
#[test]
fn every_form_shows_itself_again_when_fed_garbage() {
    let world = World::demo(Database::sqlite(), 60);
    let routes = routes();
    let mut tried = BTreeSet::new();
    for name in PEOPLE {
        let client = person(&world, name);
        for (page, answer) in reachable(&client, &routes, name) {
            for form in forms_of(&answer).into_iter().filter(|form| !form.files) {
                let hidden = form.visible.is_empty();
                // Signed in or not, these forms are the same, and they count how often they are sent.
                let rationed = !name.is_empty() && ["/login", "/password"].iter().any(|path| form.action.starts_with(path));
                let meant = route_of(&routes, &form.action).unwrap_or(&form.action).to_owned();
                if !tried.insert((*name, meant, form.post, hidden)) || form.action.contains("revoke") || rationed {
                    continue;
                }
                let spoil = |(field, value): &(String, String)| {
                    let kept = ["_csrf", "_key", "next"].contains(&field.as_str()) || (!hidden && !form.visible.contains(field));
                    (field.clone(), if kept { value.clone() } else { "2026-13-99 <b>;".to_owned() })
                };
                let fields: Vec<(String, String)> = form.fields.iter().map(spoil).collect();
                let sent = if form.post {
                    client.post(&form.action, &fields)
                } else {
                    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
                    client.get(&format!("{}?{}", form.action, query.join("&")))
                };
                let place = format!("{name} {page} {}", form.action);
                // Free text is good text; only what cannot be meant is refused.
                if sent.status == 303 || (sent.status == 200 && !sent.body.contains("id=\"problem\"")) {
                    continue;
                }
                assert!((400..500).contains(&sent.status), "{place}: {}", sent.status);
                assert!(sent.body.contains("id=\"problem\"") && sent.body.contains("autofocus"), "{place}: {}", sent.text());
                assert!(title_of(&sent).starts_with("Error:") || title_of(&sent).starts_with("错误："), "{place}");
                check_structure(&sent, if sent.body.contains("lang=\"zh-Hans\" data") { "zh-Hans" } else { "en" }, &place);
                let again = forms_of(&sent).into_iter().find(|again| again.action == form.action && again.post == form.post);
                // A code is never shown again.
                let typed = tags(&sent.body, "input").iter().any(|tag| {
                    let kept = tag.contains("type=\"text\"") && !tag.contains("inputmode=\"numeric\"");
                    kept && attribute(tag, "name").is_some_and(|field| form.visible.contains(&field))
                });
                if typed && again.is_some() {
                    assert!(sent.body.contains("2026-13-99 &#60;b&#62;;"), "{place}: what was typed is lost");
                }
            }
        }
    }
    assert!(tried.len() > 60, "{}", tried.len());
}

/// Lists: sorting, filters, sizes and pages live in the address, and a strange address leads to the nearest good one.
#[test]
fn a_list_is_what_its_address_says() {
    let world = World::demo(Database::sqlite(), 90);
    let client = world.signed_in("operator@kontor.example");
    let first = client.get("/ops/bank-lines?sort=amount_minor&dir=desc");
    assert!(first.body.contains("aria-sort=\"descending\"") && title_of(&first).contains(" – Page 1 of"), "{}", title_of(&first));
    let next = first.link("/ops/bank-lines?sort=amount_minor&#38;dir=desc&#38;page=2").replace("&#38;", "&");
    let second = client.get(&next);
    assert!(
        title_of(&second).contains(" – Page 2 of") && second.body.contains("aria-sort=\"descending\""),
        "{}",
        title_of(&second)
    );
    for (strange, good) in [
        ("?state=nonsense&sort=amount_minor", "/ops/bank-lines?sort=amount_minor"),
        ("?after=x~y&page=3", "/ops/bank-lines"),
        ("?page=9", "/ops/bank-lines"),
        ("?size=7&currency=EUR", "/ops/bank-lines?currency=EUR"),
        ("?after=1~1&page=99&dir=asc", "/ops/bank-lines?dir=asc"),
    ] {
        let answer = client.get(&format!("/ops/bank-lines{strange}"));
        assert_eq!((answer.status, answer.location()), (303, good), "{strange}");
    }
    let rows = |answer: &Answer| {
        answer.body.split("<tbody>").nth(1).map_or(0, |body| body.split("</tbody>").next().unwrap().matches("<tr>").count())
    };
    let all = client.get("/ops/bank-lines?size=100&currency=EUR");
    let csv = client.get("/ops/bank-lines?size=25&currency=EUR&format=csv");
    assert!(rows(&client.get("/ops/bank-lines?currency=EUR")) == 25 && rows(&all) > 25, "{}", rows(&all));
    assert_eq!(csv.body.lines().count() - 1, rows(&all), "the file is the whole filter");
    let chosen = client.get("/ops/bank-lines?state=suspense&currency=EUR");
    assert!(chosen.body.contains("href=\"/ops/bank-lines?currency=EUR\" aria-current=\"true\""), "a chip takes its filter away");
    let none = client.get("/ops/bank-lines?state=skipped");
    assert!(none.text().contains("Nothing matches") && none.body.contains("<a href=\"/ops/bank-lines\">"), "{}", none.text());
}

/// The page answers what must be done: everybody has something, and the buyer is late once.
#[test]
fn everybody_in_the_demo_world_has_open_work() {
    let world = World::demo(Database::sqlite(), 90);
    for name in PEOPLE.iter().filter(|name| !["", "supplier2"].contains(name) && !name.ends_with("viewer")) {
        let home = world.signed_in(&format!("{name}@kontor.example")).get("/home");
        assert!(home.body.contains("class=\"tasks\""), "{name}: {}", home.text());
    }
    let buyer = world.signed_in("buyer1@kontor.example");
    assert!(buyer.get("/home").text().contains("Payments overdue"), "{}", buyer.get("/home").text());
    let home = buyer.get("/home");
    let figure = home.body.split("class=\"value\" href=\"").find(|rest| rest.starts_with("/payables")).unwrap();
    let (href, amount) = (figure.split('"').next().unwrap(), figure.split('>').nth(1).unwrap().split('<').next().unwrap());
    let explained = buyer.get(&href.replace("&#38;", "&"));
    assert!(explained.body.contains(&format!("data-label=\"Payable\">{amount}<")), "{href} does not sum to {amount}");
}

/// Faults that a page shows only in a browser, collected before its own script runs.
const WATCH: &str = "window.__faults = []; \
    document.addEventListener('securitypolicyviolation', e => __faults.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI)); \
    window.addEventListener('error', e => __faults.push('error: ' + (e.message || e.target.src || e.target.href)), true);";

const LOOK: &str = "const wide = document.documentElement.scrollWidth - window.innerWidth; \
    const found = [...__faults]; if (wide > 0) found.push('scrolls sideways by ' + wide); \
    for (const e of performance.getEntriesByType('resource')) \
        if (!e.name.startsWith(location.origin) && !e.name.startsWith('data:')) found.push('loads ' + e.name); \
    for (const e of document.querySelectorAll('button, input:not([type=hidden]), select, textarea, summary, nav a, th a, .chips a, .pager a, .problem a')) { \
        const box = e.getBoundingClientRect(); \
        if (box.width > 0 && box.height > 0 && (box.height < 24 || box.width < 24) && getComputedStyle(e.closest('thead') || e).position !== 'absolute') \
            found.push('small: ' + e.outerHTML.slice(0, 80)); } \
    return found;";

const AXE: &str = "const done = arguments[arguments.length - 1]; \
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }) \
       .then(r => done(r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, 160))), e => done(['axe: ' + e]));";

/// In Chromium at 320 px, English in light and Chinese in dark: nothing scrolls sideways, nothing breaks the policy, nothing comes
/// from elsewhere, targets are large enough, and axe finds nothing.
#[test]
fn every_page_holds_in_a_narrow_browser() {
    let Some(driver) = Driver::start() else { return };
    let axe = std::env::var("KONTOR_AXE").ok().map(|path| std::fs::read_to_string(&path).expect("KONTOR_AXE names axe.min.js"));
    if axe.is_none() {
        println!("left out: axe, because KONTOR_AXE names no axe.min.js");
    }
    let world = World::demo(Database::sqlite(), 90);
    let routes = routes();
    // What another kind of person has been shown in the same way needs no second look.
    let mut looked: BTreeSet<(String, u16, usize)> = BTreeSet::new();
    let mut work: Vec<(String, Vec<String>)> = Vec::new();
    for name in PEOPLE {
        let client = person(&world, name);
        let mut paths = Vec::new();
        for (path, answer) in reachable(&client, &routes, name) {
            let route = route_of(&routes, &path).unwrap_or("/nowhere").to_owned();
            if looked.insert((route, answer.status, forms_of(&answer).len())) {
                paths.push(path);
            }
        }
        work.push((client.cookie("__Host-session"), paths));
    }
    let mut faults: Vec<String> = Vec::new();
    let mut pages = 0;
    run(async {
        for (session, paths) in &work {
            let browser = Browser::open(&driver, &world.base, true).await?;
            let tools = browser.web.cdp();
            let narrow = serde_json::json!({ "width": 320, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            tools.send_raw("Emulation.setDeviceMetricsOverride", narrow).await?;
            tools.send_raw("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": WATCH })).await?;
            for (language, theme) in [("en", "light"), ("zh", "dark")] {
                for (name, value) in
                    [("__Host-session", session.as_str()), ("__Host-language", language), ("__Host-theme", theme)]
                {
                    let cookie =
                        serde_json::json!({ "name": name, "value": value, "url": browser.base, "path": "/", "secure": true });
                    if !value.is_empty() {
                        tools.send_raw("Network.setCookie", cookie).await?;
                    }
                }
                for path in paths {
                    look(&browser, path, axe.as_deref(), &format!("{path} {language} {theme}"), &mut faults).await?;
                    pages += 1;
                }
            }
            browser.web.quit().await?;
        }
        Ok(())
    });
    println!("{pages} pages looked at");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(pages > 100, "{pages}");
}

async fn look(browser: &Browser, path: &str, axe: Option<&str>, place: &str, faults: &mut Vec<String>) -> Done {
    browser.web.goto(format!("{}{path}", browser.base)).await?;
    let mut found: Vec<String> = browser.web.execute(LOOK, vec![]).await?.convert()?;
    if let Some(axe) = axe {
        browser.web.execute(axe, vec![]).await?;
        let violations: Vec<String> = browser.web.execute_async(AXE, vec![]).await?.convert()?;
        found.extend(violations);
    }
    faults.extend(found.into_iter().map(|fault| format!("{place}: {fault}")));
    Ok(())
}

/// Whoever agrees sees what the request means: payee, account, price, company; not only what was typed.
#[test]
fn a_checker_sees_what_a_request_means() {
    for database in Database::both() {
        let world = World::demo(database, 30);
        let mut conn = world.conn();
        let buyer = world.api("financier1@kontor.example");
        let none = serde_json::json!({ "currency": "EUR", "limit_minor": 0 });
        assert_eq!(buyer.api("set-approval-limit", "meaning-limit", &none).status, 200);
        let offers = buyer.get("/api/v1/offers").json();
        let offer = offers["items"].as_array().unwrap().iter().find(|row| row["currency"] == "EUR").unwrap().clone();
        let (id, units) = (&offer["id"], offer["minimum_ticket_minor"].as_i64().unwrap());
        let quote = buyer.get(&format!("/api/v1/offers/quote?offer_id={id}&units_minor={units}")).json();
        let price = quote["price_minor"].as_i64().unwrap();
        let wanted = serde_json::json!({ "offer_id": id, "units_minor": units, "price_minor": price });
        let asked = buyer.api("buy-fractions", "meaning-buy", &wanted);
        assert_eq!(asked.status, 202, "{}", asked.body);
        let operator = world.api("operator@kontor.example");
        let applied =
            <store::Party as store::records::Record>::find_where(&mut conn, "status = 'applied'", &[]).unwrap().unwrap();
        let admit = serde_json::json!({ "party_id": applied.id, "status": "active", "reason": "complete" });
        assert_eq!(operator.api("decide-company", "meaning-admit", &admit).status, 202);
        let payee = <store::BankAccount as store::records::Record>::find_where(
            &mut conn,
            "status = 'verified' AND party_id = (SELECT party_id FROM users WHERE email = 'supplier1@kontor.example')",
            &[],
        );
        let proposed = <store::BankAccount as store::records::Record>::find_where(&mut conn, "status = 'proposed'", &[]);
        let price = web::Language::English.money("EUR", price);
        for (checker, command, shown) in [
            ("financier1.checker", "buy_fractions", vec![price, offer["buyer"].as_str().unwrap().to_owned()]),
            ("supplier1.checker", "request_payout", vec![payee.unwrap().unwrap().iban]),
            ("operator2", "decide_bank_account", vec![proposed.unwrap().unwrap().iban, "They fit".to_owned()]),
            ("operator2", "decide_company", vec![applied.tax_id, "lotsen.checker@kontor.example".to_owned()]),
            ("buyer1.checker", "confirm_invoice", vec!["irrevocabl".to_owned()]),
        ] {
            let email = format!("{checker}@kontor.example");
            let condition = "command = ? AND state = 'pending' AND party_id = (SELECT party_id FROM users WHERE email = ?)";
            let binds = [command.into(), email.as_str().into()];
            let request = <store::Approval as store::records::Record>::find_where(&mut conn, condition, &binds).unwrap().unwrap();
            let page = world.signed_in(&email).open(&format!("/approvals/{}", request.id));
            for part in shown {
                assert!(page.text().contains(&part), "{command}: {part} in {}", page.text());
            }
        }
    }
}

/// No receipt says an amount without its currency.
#[test]
fn every_amount_in_the_audit_has_its_currency() {
    let world = World::demo(Database::sqlite(), 60);
    let rows = <store::AuditRecord as store::records::Record>::list_where(&mut world.conn(), "seq > 0", &[]).unwrap();
    let mut naked = BTreeSet::new();
    for row in rows {
        let outcome: serde_json::Value = serde_json::from_str(&row.outcome).unwrap();
        let input: serde_json::Value = serde_json::from_str(&row.input).unwrap();
        let has = |value: &serde_json::Value, end: &str| {
            value.as_object().is_some_and(|map| map.keys().any(|name| name.ends_with(end)))
        };
        let amounts = has(&outcome["body"], "_minor") || has(&input, "_minor");
        if amounts && !has(&outcome["body"], "currency") && !has(&input, "currency") {
            naked.insert(row.command);
        }
    }
    assert_eq!(naked, BTreeSet::new());
}

/// A company sees its own part of a receivable, however many others have bought since; whoever has none finds nothing.
#[test]
fn an_early_purchase_is_still_shown() {
    for database in Database::both() {
        let (offer, _) = e2e::load::market(&database);
        let running = server::serve::start(e2e::world::config(&database, "http://kontor.test"), e2e::world::clock()).unwrap();
        let base = format!("http://127.0.0.1:{}", running.port);
        let later = e2e::load::Buyer::new(&base, offer);
        let early = Client::new(&base);
        early.api_sign_in("financier2@kontor.example", PASSWORD);
        let body = serde_json::from_str(&later.body).unwrap();
        let bought = early.api("buy-fractions", "the-first-of-all", &body);
        assert_eq!(bought.status, 200, "{}", bought.body);
        for number in 0..205 {
            assert_eq!(later.buy(&format!("one-of-many-{number}")), Some(200));
        }
        let page = format!("/receivables/{}", bought.json()["result"]["receivable_id"]);
        let shown = |number: u32| {
            let desk = Client::new(&base);
            desk.sign_in(&format!("financier{number}@kontor.example"), PASSWORD);
            desk.get(&page)
        };
        let mine = shown(2);
        assert_eq!(mine.status, 200, "{}", database.kind);
        let none = web::Language::English.t("receivable-no-purchases");
        assert!(!mine.body.contains(&none), "{}", database.kind);
        let others = shown(1);
        assert_eq!((others.status, others.body.contains(&none)), (200, false));
        assert_eq!(shown(3).status, 404);
        running.stop().unwrap();
    }
}
