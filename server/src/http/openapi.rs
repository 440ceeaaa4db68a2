//! The API as OpenAPI 3.1, from the program's own routes, the commands' own types, and the names of what reads answer.

use super::api::{FILE_TYPES, schemas};
use super::pages::Answer;
use super::rights::{Anyone, Who};
use super::routes::Routes;
use actix_web::http::header::{self, AcceptEncoding, Encoding, Header};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::OnceLock;

pub fn add_routes(routes: &mut Routes) {
    routes.get(PATH, openapi);
}

pub const PATH: &str = "/api/v1/openapi.json";

/// The fields of a route's answer, and of an item where the answer is a list. A question mark: the field may be null.
pub const ANSWERS: &[(&str, &str, &str)] = &[
    ("approvals", PAGE, "id command state amount_minor currency maker maker_id checker asked_at about body body_hash reason"),
    (
        "assignments",
        PAGE,
        "id receivable_id number supplier supplier_tax_id currency confirmed_minor payment_date pay_to iban reference text_en text_zh hash \
         given_at acknowledged_at? state",
    ),
    ("balances", "", "currency balance_minor held_minor available_minor owed_to_platform_minor last_transfer"),
    ("custody-accounts", "", "id iban bic bank holder currency state current_for opened_on closing_on? closed_on? reason"),
    ("confirmation-evidence", "invoice_id text sha256", ""),
    ("confirmation-links", "", "id invoice_id contact_id state reason wrong_codes issued_at expires_at ended_at?"),
    (
        "contacts",
        "",
        "id party_id user_id channel second source currency limit_minor link_hours state recorded_by agreed_by recorded_at ended_at?",
    ),
    ("evidence", "", "id kind name sha256 download"),
    ("fee-bills", PAGE, "id receivable_id number supplier kind currency amount_minor paid_minor open_minor arose_on state"),
    ("holdings", PAGE, "id receivable_id supplier buyer currency units_minor held_minor payment_date state"),
    ("invoices", PAGE, INVOICE),
    ("invoices/eligibility", "invoice_id eligible programme_id? terms_version? rule? title?", ""),
    ("memberships", PAGE, MEMBER),
    (
        "programmes",
        PAGE,
        "id buyer name currency state reason terms_version proposed_version_id? joined invited confirmed_minor sold_minor outstanding_minor",
    ),
    ("programmes/members", PAGE, MEMBER),
    (
        "programmes/versions",
        "",
        "id programme_id terms_version currency least_tenor_days most_tenor_days most_age_days advance_bps reserve_bps settlement_fee_bps \
         purchase_fee_bps minimum_fee_minor minimum_ticket_minor fee_bearer grace_days recourse begins_on state reason",
    ),
    ("log/checkpoint", "size business_date signed_at note key", ""),
    ("log/checkpoints", PAGE, "size business_date signed_at note"),
    ("log/consistency", "old new hashes", ""),
    ("log/inclusion", "index size leaf_hash hashes checkpoint", ""),
    ("me", "user company", ""),
    (
        "offers",
        PAGE,
        "id receivable_id supplier buyer currency units_minor left_minor rate method day_count minimum_ticket_minor close_date payment_date held \
         grace_days fee_bearer recourse buyer_overdue_count buyer_oldest_overdue? buyer_late_count buyer_disputed_count halted?",
    ),
    ("messages", "", "id party code reason_code text at"),
    (
        "offers/papers",
        "offer_id receivable_id invoice_id number supplier buyer currency issue_date due_date? payable_minor credited_minor confirmed_minor document \
         terms terms_hash evidence messages",
        "",
    ),
    ("offers/quote", "face_minor price_minor discount_minor supplier_fee_minor fee_minor fee_bearer tenor_days annual_rate", ""),
    (
        "operator/audit",
        PAGE,
        "id at business_date party_id party user_id person approver command subject_id first_transfer last_transfer",
    ),
    ("operator/due", PAGE, "id buyer_id buyer currency count oldest_date late_days coming_minor due_minor overdue_minor state"),
    (
        "operator/invoices",
        PAGE,
        "id number supplier_id supplier buyer_id buyer currency payable_minor total_minor confirmed_minor issue_date due_date? state review \
         receivable_id?",
    ),
    (
        "operator/offers",
        PAGE,
        "id receivable_id supplier_id supplier buyer_id buyer currency units_minor left_minor rate method day_count close_date payment_date state",
    ),
    (
        "operator/purchases",
        PAGE,
        "id offer_id receivable_id financier_id financier supplier_id supplier buyer_id buyer currency units_minor price_minor fee_minor \
         financier_rate supplier_rate business_date payment_date",
    ),
    (
        "operator/receivables",
        PAGE,
        "id invoice_id number supplier_id supplier buyer_id buyer currency confirmed_minor face_minor reserve_minor sold_minor paid_minor owed_minor \
         due_date payment_date state reference",
    ),
    ("payables", PAGE, INVOICE),
    (
        "payables/approved",
        PAGE,
        "id list_id supplier supplier_tax_id number issue_date due_date currency payable_minor payment_reference words_hash state invoice_id?",
    ),
    (
        "payables/list",
        "list_id list_hash version state count confirmed",
        "id invoice_id? number currency amount_minor due_date? reason state refusal?",
    ),
    ("payables/undertaking", "version words_en words_zh words_hash", ""),
    ("payouts", PAGE, "id currency amount_minor iban end_to_end state expected_date? bank_status reason_code note"),
    (
        "payouts/list",
        "currency through list_hash account_id available_minor",
        "id end_to_end holder address iban bic amount_minor",
    ),
    (
        "reconciliation",
        "",
        "account_id currency statement_id to_date? ledger_minor closing_minor difference_minor unexplained_minor transit_minor",
    ),
    (
        "receivables",
        PAGE,
        "id invoice_id number buyer currency confirmed_minor face_minor reserve_minor sold_minor paid_minor due_date payment_date state \
         reference terms_hash programme_id? terms_version sellable_minor fee_bearer recourse owed_minor",
    ),
    (
        "reviews",
        PAGE,
        "id invoice_id other_invoice_id? credit_note_id? rules state number other_number supplier buyer currency payable_minor statement reason",
    ),
    ("token", "access_token token_type expires_in", ""),
    ("trial-balance", "", "asset kind accounts sum_minor"),
];
/// The next page of a list begins before this.
const PAGE: &str = "next_before?";
const INVOICE: &str = "id number supplier buyer currency payable_minor total_minor confirmed_minor issue_date due_date? state prepaid_minor \
     rounding_minor credited_minor type_code replaces replaces_issue_date? format review warnings reason document receivable_id? owed_minor?";
const MEMBER: &str =
    "id programme_id buyer supplier name currency programme_state state terms_version asked_version? reason confirmed_minor";
/// Files instead of JSON.
const FILES: &[&str] = &["position-proof"];
/// Routes whose answer is the content of a file, or this document itself: objects without declared fields.
const OTHERS: &[&str] = &["check-statement", "openapi.json"];

/// The type of a field follows from its name, everywhere in the API.
#[must_use]
pub fn type_of(name: &str) -> &'static str {
    const NUMBERS: &[&str] = &[
        "id",
        "asset",
        "accounts",
        "through",
        "expires_in",
        "count",
        "confirmed",
        "size",
        "index",
        "old",
        "new",
        "next_before",
        "link_hours",
        "recorded_by",
        "agreed_by",
        "wrong_codes",
        "joined",
        "buyer_overdue_count",
        "buyer_late_count",
        "buyer_disputed_count",
        "invited",
    ];
    match name {
        _ if NUMBERS.contains(&name) => "integer",
        "supplier_tax_id" => "string",
        _ if ["_id", "_minor", "_days", "_transfer", "_bps", "_version"].iter().any(|end| name.ends_with(end)) => "integer",
        "held" | "eligible" => "boolean",
        "rules" | "warnings" | "hashes" | "messages" | "evidence" => "array",
        "user" | "company" | "refusal" | "body" => "object",
        _ => "string",
    }
}

fn field(name: &str) -> (String, Value) {
    let (plain, nullable) = name.strip_suffix('?').map_or((name, false), |plain| (plain, true));
    let kind = type_of(plain);
    let mut schema = if nullable { json!({ "type": [kind, "null"] }) } else { json!({ "type": kind }) };
    if let Some(map) = schema.as_object_mut().filter(|_| plain.ends_with("_date")) {
        map.insert("format".to_owned(), json!("date"));
    }
    (plain.to_owned(), schema)
}

fn object(names: &str) -> Value {
    let properties: Map<String, Value> = names.split_whitespace().map(field).collect();
    json!({ "type": "object", "required": properties.keys().collect::<Vec<_>>(), "properties": properties })
}

/// The answer of a route when all went well.
fn answer_schema(method: &str, name: &str) -> Value {
    let Some((_, outer, item)) = ANSWERS.iter().find(|(path, ..)| *path == name) else {
        let outcome = method == "POST" && !OTHERS.contains(&name);
        return if outcome { json!({ "$ref": "#/components/schemas/Outcome" }) } else { json!({ "type": "object" }) };
    };
    let mut schema = object(outer);
    if !item.is_empty() {
        let items = json!({ "type": "array", "items": object(item) });
        if let Some(properties) = schema.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.insert("items".to_owned(), items);
        }
        if let Some(required) = schema.pointer_mut("/required").and_then(Value::as_array_mut) {
            required.push(json!("items"));
        }
    }
    schema
}

/// The body of a sign-in.
fn credentials() -> Value {
    let mut schema = object("email password code");
    if let Some(required) = schema.pointer_mut("/required") {
        *required = json!(["email", "password"]);
    }
    schema
}

/// The possible query fields of a read.
fn query_of(path: &str) -> &'static [(&'static str, &'static str)] {
    const LIST: &[(&str, &str)] = &[
        ("before", "only records with a smaller id; `next_before` of the page before"),
        ("state", "only records in this state"),
    ];
    match path.trim_start_matches("/api/v1/") {
        "position-proof" => &[("day", "an ended business date; the newest when left out")],
        "attach-evidence" => {
            &[("invoice_id", "the invoice that it is evidence for"), ("kind", "order, delivery, contract or other")]
        }
        "evidence" => &[("invoice_id", "the invoice that it is evidence for")],
        "reviews" => &[("state", "open, cleared, refused or released"), ("before", "rows older than this id")],
        "payables/undertaking" => &[
            ("invoice_id", "the payable"),
            ("amount_minor", "what would be confirmed, minor units"),
            ("due_date", "when it would be paid"),
        ],
        "contacts" => &[("party_id", "the buyer")],
        "programmes/versions" => &[("programme_id", "a programme of the company, or one that it is in or asked into")],
        "programmes/members" => &[
            ("programme_id", "a programme of the company"),
            ("state", "member_invited, member_joined, member_declined, member_left or member_removed"),
            ("before", "rows older than this id"),
        ],
        "invoices/eligibility" => &[("invoice_id", "an invoice of the company, or one that was presented to it")],
        "fee-bills" => &[("state", "fee_open or fee_paid"), ("before", "rows older than this id")],
        "confirmation-links" => &[("invoice_id", "the invoice that they lead to")],
        "messages" => &[("invoice_id", "the invoice that was spoken about")],
        "confirmation-evidence" => &[("invoice_id", "the invoice that was confirmed")],
        "payables/approved" => &[("state", "approved, used, withdrawn or lapsed"), ("before", "rows older than this id")],
        "approvals" => &[("state", "pending, approved, rejected or ended"), ("before", "rows older than this id")],
        "assignments" => &[("state", "given or acknowledged"), ("before", "rows older than this id")],
        "payables/list" => &[("list_id", "a list of confirmations of the company")],
        "offers/papers" => &[("offer_id", "an open offer")],
        "offers/quote" => &[("offer_id", "an open offer"), ("units_minor", "face to buy, minor units")],
        "payouts/list" => &[("currency", "ISO 4217"), ("account_id", "the platform's account that pays; else the current one")],
        "operator/invoices" | "operator/offers" => &[
            ("supplier", "only this company's"),
            ("buyer", "only what this company owes"),
            ("state", "only records in this state"),
            ("before", "rows older than this id"),
        ],
        "operator/receivables" => &[
            ("supplier", "only this company's"),
            ("buyer", "only what this company owes"),
            ("due", "7, 30 or late"),
            ("state", "only records in this state"),
            ("before", "rows older than this id"),
        ],
        "operator/purchases" => &[
            ("financier", "only what this company bought"),
            ("supplier", "only what this company sold"),
            ("buyer", "only what this company owes"),
            ("before", "rows older than this id"),
        ],
        "operator/due" => &[
            ("buyer", "only what this company owes"),
            ("state", "only buyers of whom the worst is this"),
            ("before", "rows older than this id"),
        ],
        "operator/audit" => &[
            ("company", "only what this company's people did"),
            ("person", "only what this person did"),
            ("command", "only this command"),
            ("day", "only on this business date"),
            ("subject", "only about this record"),
            ("before", "rows older than this id"),
        ],
        "invoices" | "payables" | "receivables" | "payouts" | "memberships" | "programmes" | "holdings" => LIST,
        "offers" => &[("before", "only records with a smaller id; `next_before` of the page before")],
        _ => &[],
    }
}

/// The API as OpenAPI 3.1, from the program's own routes and types.
async fn openapi(_who: Who<Anyone>, request: HttpRequest) -> Answer {
    let made: &'static Made = MADE.get_or_init(Made::new);
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == made.tag)) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, made.tag.as_str())).finish());
    }
    let (gzip, plain) = (Encoding::gzip(), Encoding::identity());
    let wanted = AcceptEncoding::parse(&request).ok().and_then(|accepted| accepted.negotiate([&gzip, &plain].into_iter()));
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/json").insert_header((header::ETAG, made.tag.as_str()));
    answer.insert_header((header::VARY, "accept-encoding"));
    if wanted == Some(gzip) && !made.packed.is_empty() {
        return Ok(answer.insert_header((header::CONTENT_ENCODING, "gzip")).body(made.packed.as_slice()));
    }
    Ok(answer.body(made.plain.as_slice()))
}

/// The document as it is sent. It is the same for as long as the program runs, and anybody may ask for it.
struct Made {
    plain: Vec<u8>,
    packed: Vec<u8>,
    tag: String,
}

static MADE: OnceLock<Made> = OnceLock::new();

impl Made {
    fn new() -> Self {
        let plain = document().to_string().into_bytes();
        let tag = format!("W/\"{}\"", crate::hash::sha256_hex(&plain).get(..16).unwrap_or("0"));
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        let packed = packer.write_all(&plain).and_then(|()| packer.finish()).unwrap_or_default();
        Self { plain, packed, tag }
    }
}

/// See [`openapi`].
#[must_use]
pub fn document() -> Value {
    let schemas = schemas();
    let mut paths = Map::new();
    let outcome = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Outcome" } } });
    let awaited = json!({ "description": "A second person must approve it first: `awaits_approval`", "content": outcome });
    let problem = json!({ "description": "A problem document (RFC 9457) with a stable code", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    for route in Routes::all().list.iter().filter(|route| route.path.starts_with("/api/v1/")) {
        let name = route.path.trim_start_matches("/api/v1/");
        let answered = if FILES.contains(&name) {
            json!({ "description": "The proof as docs/PROOFS.md specifies it", "content": { "text/plain": { "schema": { "type": "string" } } } })
        } else {
            let said =
                if route.method == "POST" { "Done; the same answer at every repetition of the key" } else { "What is asked for" };
            json!({ "description": said, "content": { "application/json": { "schema": answer_schema(route.method, name) } } })
        };
        let mut operation = json!({
            "summary": name.replace('-', " "),
            "description": format!("Right: {}", route.right),
            "responses": { "200": answered, "default": problem },
        });
        if let Some(map) = operation.as_object_mut() {
            if route.right != "anyone" {
                map.insert("security".to_owned(), json!([{ "bearer": [] }]));
            }
            let query = match super::log::query_of(route.path) {
                [] => query_of(route.path),
                known => known,
            };
            if !query.is_empty() {
                let states = super::api::states::of(route.path);
                let one = |(name, meaning): &(&str, &str)| {
                    let schema = if *name == "state" && !states.is_empty() {
                        json!({ "type": "string", "enum": states })
                    } else {
                        json!({ "type": "string" })
                    };
                    json!({ "name": name, "in": "query", "description": meaning, "schema": schema })
                };
                map.insert("parameters".to_owned(), query.iter().map(one).collect());
            }
            if route.method == "POST" && !route.path.ends_with("/token") {
                let header = json!({ "name": "Idempotency-Key", "in": "header", "required": true, "schema": { "type": "string", "minLength": 8, "maxLength": 100 } });
                let code = schemas.iter().find(|(path, ..)| *path == route.path).is_some_and(|(_, name, _)| {
                    crate::commands::Command::STEP_UPS.iter().any(|(known, asks)| known == name && *asks)
                });
                if let Some(list) = map.entry("parameters").or_insert_with(|| json!([])).as_array_mut() {
                    list.push(header);
                    if schemas.iter().any(|(path, ..)| *path == route.path) {
                        let meaning = "1: nothing is written. The answer is 200 with `needs_second_person`, or the refusal that the act would meet; no Idempotency-Key is needed";
                        list.push(json!({ "name": "dry_run", "in": "query", "description": meaning, "schema": { "type": "string", "enum": ["1"] } }));
                    }
                    if code {
                        let meaning = "a fresh one-time code of a person with a second factor, for this body alone and once; without it the answer is 403 step_up_needed, whose `needs` says for what";
                        list.push(json!({ "name": "Kontor-Code", "in": "header", "description": meaning, "schema": { "type": "string" } }));
                    }
                    if route.path.ends_with("/import-statement") {
                        let meaning = "digest of a check; if the file would do something else by now, nothing is imported";
                        list.push(
                            json!({ "name": "check", "in": "query", "description": meaning, "schema": { "type": "string" } }),
                        );
                    }
                }
                let found = schemas.iter().find(|(path, ..)| *path == route.path).map(|(_, _, schema)| schema.clone());
                let file = [
                    "register-invoice",
                    "read-confirmations",
                    "read-payables",
                    "attach-evidence",
                    "check-statement",
                    "import-statement",
                    "import-status",
                ]
                .iter()
                .any(|name| route.path.ends_with(name));
                let content = if file {
                    FILE_TYPES.iter().map(|kind| ((*kind).to_owned(), json!({}))).collect::<serde_json::Map<_, _>>().into()
                } else {
                    json!({ "application/json": { "schema": found.unwrap_or_else(credentials) } })
                };
                map.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
                if let Some(responses) = map.get_mut("responses").and_then(Value::as_object_mut) {
                    if route.path.ends_with("/register-invoice") {
                        let said = "Some of several were taken and some were not: each of `items` says which. Of none it is 422 `nothing_taken` with the same `items`";
                        responses.insert(
                            "207".to_owned(),
                            json!({ "description": said, "content": { "application/json": { "schema": { "type": "object" } } } }),
                        );
                    }
                    responses.insert("202".to_owned(), awaited.clone());
                }
            }
        }
        let entry = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        if let Some(map) = entry.as_object_mut() {
            map.insert(route.method.to_lowercase(), operation);
        }
    }
    let mut components = super::api::components();
    components.insert("Outcome".to_owned(), outcome_schema());
    components.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Kontor", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0" } },
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": components,
        },
    })
}

fn outcome_schema() -> Value {
    json!({
        "type": "object", "required": ["reference", "repeated", "awaits_approval", "result"],
        "properties": {
            "reference": { "type": "integer", "description": "number of the audit record" }, "repeated": { "type": "boolean" },
            "awaits_approval": { "type": ["integer", "null"] }, "result": { "type": "object", "description": "ids and amounts of what was made" },
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object", "required": ["type", "title", "status", "code"],
        "properties": { "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" }, "code": { "type": "string" }, "request_id": { "type": "string" } },
    })
}
