//! A browser without JavaScript: cookies, redirects followed by hand, forms filled from the page.

use reqwest::blocking::{Client as Http, RequestBuilder, multipart};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub cookies: Vec<String>,
}

impl Answer {
    #[must_use]
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", String::as_str)
    }
    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
    /// The text of the page without its tags.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut inside = false;
        for mark in self.body.chars() {
            match mark {
                '<' => {
                    inside = true;
                    out.push(' ');
                }
                '>' => inside = false,
                other if !inside => out.push(other),
                _ => {}
            }
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }
    /// The first link that begins so.
    #[must_use]
    pub fn link(&self, begins: &str) -> String {
        let start = format!("href=\"{begins}");
        let rest = self.body.split_once(&start).map_or("", |(_, rest)| rest);
        format!("{begins}{}", rest.split('"').next().unwrap_or(""))
    }
    /// The hidden and pre-filled fields of the form that posts or goes to `action`.
    #[must_use]
    pub fn form(&self, action: &str) -> Vec<(String, String)> {
        let mark = format!("action=\"{action}\"");
        let Some((_, rest)) = self.body.split_once(&mark) else { return Vec::new() };
        let form = rest.split("</form>").next().unwrap_or("");
        let attribute = |tag: &str, name: &str| {
            let start = format!(" {name}=\"");
            tag.split_once(&start).and_then(|(_, rest)| rest.split('"').next()).map(unescape)
        };
        let inputs = form.split("<input").skip(1).filter_map(|tag| {
            let tag = tag.split('>').next()?;
            let checkbox = tag.contains("type=\"checkbox\"");
            if checkbox && !tag.contains(" checked") {
                return None;
            }
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
        });
        let selects = form.split("<select").skip(1).filter_map(|tag| {
            let name = attribute(tag, "name")?;
            let inside = tag.split("</select>").next()?;
            let chosen =
                inside.split("<option").find(|option| option.contains(" selected")).or_else(|| inside.split("<option").nth(1));
            Some((name, attribute(chosen?, "value").unwrap_or_default()))
        });
        let areas = form.split("<textarea").skip(1).filter_map(|tag| {
            let (open, rest) = tag.split_once('>')?;
            Some((attribute(open, "name")?, unescape(rest.split("</textarea>").next()?)))
        });
        inputs.chain(selects).chain(areas).collect()
    }
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// One person's browser, or one API caller.
pub struct Client {
    http: Http,
    pub base: String,
    cookies: RefCell<BTreeMap<String, String>>,
    pub token: RefCell<String>,
}

impl Client {
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self::with(base, Http::builder())
    }

    /// From this address of the machine's own.
    #[must_use]
    pub fn from(address: &str, base: &str) -> Self {
        Self::with(base, Http::builder().local_address(address.parse::<std::net::IpAddr>().expect("an address")))
    }

    fn with(base: &str, builder: reqwest::blocking::ClientBuilder) -> Self {
        let http = builder
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(60))
            .build()
            .expect("a client");
        Self { http, base: base.to_owned(), cookies: RefCell::default(), token: RefCell::default() }
    }

    #[must_use]
    pub fn cookie(&self, name: &str) -> String {
        self.cookies.borrow().get(name).cloned().unwrap_or_default()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    fn send(&self, request: RequestBuilder) -> Answer {
        let cookies: Vec<String> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header("Cookie", cookies.join("; "));
        if !self.token.borrow().is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.token.borrow()));
        }
        let response = request.send().expect("an answer");
        let status = response.status().as_u16();
        let set: Vec<String> =
            response.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap_or("").to_owned()).collect();
        for cookie in &set {
            if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
                self.set_cookie(name, value);
            }
        }
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
        Answer { status, headers, body: response.text().unwrap_or_default(), cookies: set }
    }

    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base)))
    }

    /// Follows redirects to a page.
    #[must_use]
    pub fn open(&self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..5 {
            if answer.status != 303 {
                break;
            }
            answer = self.get(answer.location());
        }
        answer
    }

    /// Posts these fields without a page.
    #[must_use]
    pub fn post(&self, path: &str, fields: &[(String, String)]) -> Answer {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.post_raw(path, "application/x-www-form-urlencoded", body.join("&"))
    }

    #[must_use]
    pub fn post_raw(&self, path: &str, kind: &str, body: impl Into<reqwest::blocking::Body>) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.base)).header("Content-Type", kind).body(body))
    }

    #[must_use]
    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request)
    }

    /// A file as the whole body.
    #[must_use]
    pub fn post_file(&self, path: &str, kind: &str, key: &str, body: Vec<u8>) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).header("Content-Type", kind).header("Idempotency-Key", key);
        self.send(request.body(body))
    }

    /// Fills the form of a page and sends it, as a person would; follows the redirect.
    #[must_use]
    pub fn fill(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.open(page);
        let mut form = shown.form(action);
        assert!(!form.is_empty(), "{page} has no form to {action}: {} {}", shown.status, shown.text());
        for (name, value) in fields {
            form.retain(|(known, _)| known != name);
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        let posts = shown.body.contains(&format!("method=\"post\" action=\"{action}\""));
        let answer = if posts {
            self.post(action, &form)
        } else {
            let query: Vec<String> = form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            self.get(&format!("{action}?{}", query.join("&")))
        };
        if answer.status == 303 { self.open(answer.location()) } else { answer }
    }

    /// Fills the form of a page and presses the button of the check page that it leads to.
    #[must_use]
    pub fn fill_and_confirm(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let check = self.fill(page, action, fields);
        let main = check.body.split_once("<main").map_or("", |(_, main)| main);
        let act = main.split_once("<form method=\"post\" action=\"").and_then(|(_, rest)| rest.split('"').next());
        let act = act.unwrap_or_else(|| panic!("{action} leads to no check page: {} {}", check.status, check.text()));
        let answer = self.post(act, &check.form(act));
        if answer.status == 303 { self.open(answer.location()) } else { answer }
    }

    /// Uploads a file and presses the button of the check page that it leads to. A file without a check page gives its answer at
    /// once.
    #[must_use]
    pub fn upload_and_confirm(&self, page: &str, files: &[(&str, Vec<u8>)]) -> Answer {
        let check = self.upload(page, page, files);
        let main = check.body.split_once("<main").map_or("", |(_, main)| main);
        let act =
            main.split_once(&format!("<form method=\"post\" action=\"{page}/")).and_then(|(_, rest)| rest.split('"').next());
        let Some(act) = act.map(|rest| format!("{page}/{rest}")) else { return check };
        let answer = self.post(&act, &check.form(&act));
        if answer.status == 303 { self.open(answer.location()) } else { answer }
    }

    /// Uploads a file through the form of a page.
    #[must_use]
    pub fn upload(&self, page: &str, action: &str, files: &[(&str, Vec<u8>)]) -> Answer {
        let mut form = multipart::Form::new();
        for (name, value) in self.open(page).form(action) {
            if name != "files" {
                form = form.text(name, value);
            }
        }
        for (name, content) in files {
            form = form.part("files", multipart::Part::bytes(content.clone()).file_name((*name).to_owned()));
        }
        let answer = self.send(self.http.post(format!("{}{action}", self.base)).multipart(form));
        if answer.status == 303 { self.open(answer.location()) } else { answer }
    }

    pub fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.fill("/login", "/login", &[("email", email), ("password", password)])
    }

    /// A bearer token for the API.
    pub fn api_sign_in(&self, email: &str, password: &str) {
        let body = serde_json::json!({ "email": email, "password": password }).to_string();
        let answer = self.post_raw("/api/v1/token", "application/json", body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        *self.token.borrow_mut() = answer.json()["access_token"].as_str().expect("a token").to_owned();
    }

    /// A write through the API.
    #[must_use]
    pub fn api(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_with(
            &format!("/api/v1/{path}"),
            &[("Content-Type", "application/json"), ("Idempotency-Key", key)],
            body.to_string(),
        )
    }
}

/// Percent-encodes what is not unreserved.
#[must_use]
pub fn encode(text: &str) -> String {
    server::http::routes::encode(text)
}
