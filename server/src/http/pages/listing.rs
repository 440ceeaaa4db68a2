//! Lists as every noun shows them: filters, order and place in the address, totals, CSV.

use super::super::routes::{Params, encode};
use super::Answer;
use crate::http::rights::{Right, Who};
use actix_web::HttpResponse;
use store::Bind;
use store::lists::{ListQuery, Total};
use web::{Choice, Column, Language, Page, Row, Table, Value};

/// Rows of one page, and of one CSV file at most.
const PAGE: usize = 25;
const CSV: usize = 50_000;

/// One column: its text key, whether it holds amounts, and the list's column that it sorts by ("" for none).
pub type Head = (&'static str, bool, &'static str);

pub struct Listing<'a> {
    pub params: &'a Params,
    pub language: Language,
    /// States that can be filtered by.
    pub states: &'static [&'static str],
    pub heads: &'static [Head],
    /// Order without a wish: column and whether it descends.
    pub default: (&'static str, bool),
}

impl Listing<'_> {
    fn csv_wanted(&self) -> bool {
        self.params.get("format") == "csv"
    }

    fn order(&self) -> (&'static str, bool) {
        let wanted = self.params.get("sort");
        let known = self.heads.iter().find(|(_, _, column)| !column.is_empty() && *column == wanted);
        known.map_or(self.default, |(_, _, column)| (*column, self.params.get("dir") == "desc"))
    }

    /// The query that the address asks for.
    #[must_use]
    pub fn query(&self) -> ListQuery {
        let (order, descending) = self.order();
        let size = if self.csv_wanted() { CSV } else { PAGE };
        let mut wanted = ListQuery { order, descending, size, ..ListQuery::default() };
        if let Some(state) = self.states.iter().find(|state| **state == self.params.get("state")) {
            wanted = wanted.with("state = ?", vec![(*state).into()]);
        }
        let currency = self.params.get("currency");
        if currency.len() == 3 {
            wanted = wanted.with("currency = ?", vec![currency.into()]);
        }
        if !self.csv_wanted()
            && let Some((value, id)) = self.params.get("after").rsplit_once('~')
            && let Ok(id) = id.parse::<i64>()
        {
            let bind = if order.ends_with("_minor") || order == "id" {
                value.parse().ok().map(Bind::Int)
            } else if order.ends_with("_date") || order == "due_or_issue" {
                value.parse().ok().map(Bind::Date)
            } else {
                Some(Bind::Text(value.to_owned()))
            };
            wanted.after = bind.map(|bind| (bind, id));
        }
        wanted
    }

    fn href(&self, change: &[(&str, &str)], keep_place: bool) -> String {
        let mut parts: Vec<(String, String)> = self
            .params
            .fields
            .iter()
            .filter(|(name, _)| ["state", "currency", "sort", "dir"].contains(&name.as_str()) || (keep_place && name == "after"))
            .cloned()
            .collect();
        for (name, value) in change {
            parts.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parts.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let query: Vec<String> = parts.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        if query.is_empty() { self.params.path.clone() } else { format!("{}?{}", self.params.path, query.join("&")) }
    }

    /// The table with everything around it. `last` is the order value and id of the last row.
    #[must_use]
    pub fn table(
        &self,
        caption: String,
        rows: Vec<Row>,
        totals: &[Total],
        last: Option<(String, i64)>,
        more: bool,
        empty: String,
    ) -> Table {
        let t = |key: &str| self.language.t(key);
        let (order, descending) = self.order();
        let columns = self.heads.iter().map(|(key, numeric, column)| {
            let sorted = match (*column == order, descending) {
                (true, true) => "descending",
                (true, false) => "ascending",
                _ => "none",
            };
            let turn = if sorted == "ascending" { "desc" } else { "asc" };
            let sort_href = if column.is_empty() { String::new() } else { self.href(&[("sort", column), ("dir", turn)], false) };
            Column { label: t(key), numeric: *numeric, sort_href, sorted }
        });
        let chosen = self.params.get("state");
        let filters = self.states.iter().map(|state| {
            let is = *state == chosen;
            let label = t(&format!("state-{}", state.replace('_', "-")));
            Choice { label, href: self.href(&[("state", if is { "" } else { state })], false), chosen: is }
        });
        let filtered = !chosen.is_empty() || !self.params.get("currency").is_empty();
        let next = last.filter(|_| more).map(|(value, id)| format!("{value}~{id}"));
        let sums = totals.iter().filter(|total| !total.currency.is_empty()).map(|total| {
            let label = self.language.fill("list-total", &[("count", total.count.to_string())]);
            (label, self.language.money(&total.currency, total.sum_minor))
        });
        Table {
            caption,
            columns: columns.collect(),
            rows,
            totals: sums.collect(),
            filters: filters.collect(),
            clear_href: if filtered { self.params.path.clone() } else { String::new() },
            empty: if filtered { t("list-no-match") } else { empty },
            empty_link: filtered.then(|| (t("list-clear"), self.params.path.clone())),
            next_href: next.map(|place| self.href(&[("after", &place)], false)).unwrap_or_default(),
            first_href: if self.params.get("after").is_empty() { String::new() } else { self.href(&[], false) },
            csv_href: {
                let base = self.href(&[], false);
                if base.contains('?') { format!("{base}&format=csv") } else { format!("{base}?format=csv") }
            },
            next_label: t("list-next"),
            first_label: t("list-first"),
            csv_label: t("list-csv"),
            clear_label: t("list-clear"),
        }
    }

    /// Sends the list as a page, or as a CSV file when the address asks for one.
    pub async fn send<R: Right>(&self, who: &Who<R>, mut page: Page, table: Table) -> Answer {
        if self.csv_wanted() {
            let name = self.params.path.trim_matches('/').replace('/', "-");
            return Ok(csv_file(&name, table.to_csv()));
        }
        page.push(web::Block::Table(Box::new(table)));
        who.app.page(&who.viewer, page).await
    }
}

/// A CSV answer that a browser saves.
#[must_use]
pub fn csv_file(name: &str, content: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}.csv\"")))
        .body(content)
}

/// A small table without paging.
#[must_use]
pub fn plain_table(language: Language, caption: &str, heads: &[(&str, bool)], rows: Vec<Vec<Value>>, empty: &str) -> Table {
    let columns =
        heads.iter().map(|(key, numeric)| if *numeric { Column::numeric(language.t(key)) } else { Column::new(language.t(key)) });
    Table {
        caption: language.t(caption),
        columns: columns.collect(),
        rows: rows.into_iter().map(|cells| Row { cells }).collect(),
        empty: language.t(empty),
        ..Table::default()
    }
}
