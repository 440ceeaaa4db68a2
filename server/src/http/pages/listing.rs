//! Lists as every noun shows them: filters, order and place in the address, totals, CSV.

use super::super::routes::{Params, encode, is_usual};
use super::super::see_other;
use super::Answer;
use crate::http::rights::{Right, Who};
use actix_web::HttpResponse;
use store::Bind;
use store::lists::{ListQuery, Total};
use web::{Block, Choice, Column, Language, Page, Row, Table, TotalRow, Value};

/// Rows of one page as people may choose, and of one CSV file at most.
const SIZES: [(&str, usize); 3] = [("25", 25), ("50", 50), ("100", 100)];
const CSV: usize = 50_000;

/// The query fields of a list's address. A place and its page go when anything before them changes.
const NAMES: [&str; 16] = [
    "state",
    "currency",
    "company",
    "subject",
    "supplier",
    "buyer",
    "financier",
    "person",
    "command",
    "day",
    "due",
    "sort",
    "dir",
    "size",
    "after",
    "page",
];
/// Those that leave rows out.
const FILTERS: [&str; 11] =
    ["state", "currency", "company", "subject", "supplier", "buyer", "financier", "person", "command", "day", "due"];

/// One column: its text key, whether it holds amounts, and the list's column that it sorts by ("" for none).
pub type Head = (&'static str, bool, &'static str);

/// A company or person by whose number a list is narrowed: the name in the address, and the list's column.
pub type Narrow = (&'static str, &'static str);

/// The query with what the address says about these.
#[must_use]
pub fn narrowed(params: &Params, wanted: ListQuery, names: &[Narrow]) -> ListQuery {
    names.iter().fold(wanted, |wanted, (name, column)| match params.get(name).parse::<i64>() {
        Ok(id) => wanted.with(&format!("{column} = ?"), vec![id.into()]),
        Err(_) => wanted,
    })
}

/// Several states under one name: the name, and the condition that they all meet.
pub type Group = (&'static str, &'static str);

pub struct Listing<'a> {
    pub params: &'a Params,
    pub language: Language,
    /// States that can be filtered by.
    pub states: &'static [&'static str],
    pub groups: &'static [Group],
    pub heads: &'static [Head],
    /// Order without a wish: column and whether it descends.
    pub default: (&'static str, bool),
    /// The column whose amounts the list sums; empty where it sums none.
    pub summed: &'static str,
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

    fn size(&self) -> usize {
        let known = SIZES.iter().find(|(name, _)| *name == self.params.get("size"));
        known.map_or(25, |(_, size)| *size)
    }

    fn page_number(&self) -> usize {
        self.params.get("page").parse().unwrap_or(1)
    }

    /// The last row of the page before, as the address names it.
    fn place(&self) -> Option<(Bind, i64)> {
        let (order, _) = self.order();
        let (value, id) = self.params.get("after").rsplit_once('~')?;
        let bind = if order.ends_with("_minor") || order == "id" || order == "party_id" {
            Bind::Int(value.parse().ok()?)
        } else if order.ends_with("_date") || ["due_or_issue", "arose_on"].contains(&order) {
            Bind::Date(value.parse().ok().filter(|date| is_usual(*date))?)
        } else {
            Bind::Text(value.to_owned())
        };
        Some((bind, id.parse().ok()?))
    }

    /// Whether the address says something about the list that the list understands.
    fn understands(&self, name: &str, value: &str) -> bool {
        match name {
            "state" => self.states.contains(&value) || self.groups.iter().any(|(group, _)| *group == value),
            "currency" => domain::Currency::parse(value).is_some(),
            "company" | "subject" | "supplier" | "buyer" | "financier" | "person" => value.parse::<i64>().is_ok(),
            "command" => crate::commands::Command::NAMES.contains(&value),
            "day" => value.parse().is_ok_and(is_usual),
            "due" => super::ops_lists::DUE.contains(&value),
            "sort" => self.heads.iter().any(|(_, _, column)| !column.is_empty() && *column == value),
            "dir" => ["asc", "desc"].contains(&value),
            "size" => SIZES.iter().any(|(size, _)| *size == value),
            "after" => self.place().is_some(),
            "page" => self.page_number() > 1 && self.place().is_some(),
            _ => true,
        }
    }

    /// The query that the address asks for.
    #[must_use]
    pub fn query(&self) -> ListQuery {
        let (order, descending) = self.order();
        let size = if self.csv_wanted() { CSV } else { self.size() };
        let mut wanted = ListQuery { order, descending, size, ..ListQuery::default() };
        let state = self.params.get("state");
        if let Some((_, condition)) = self.groups.iter().find(|(group, _)| *group == state) {
            wanted = wanted.with(condition, vec![]);
        } else if let Some(state) = self.states.iter().find(|known| **known == state) {
            wanted = wanted.with("state = ?", vec![(*state).into()]);
        }
        if let Some(currency) = domain::Currency::parse(self.params.get("currency")) {
            wanted = wanted.with("currency = ?", vec![currency.code().into()]);
        }
        if !self.csv_wanted() {
            wanted.after = self.place();
        }
        wanted
    }

    /// The list's address with something changed: filters, order and size stay, the place does not.
    #[must_use]
    pub fn href(&self, change: &[(&str, &str)]) -> String {
        let stays = |name: &str| NAMES.contains(&name) && !["after", "page"].contains(&name);
        let mut parts: Vec<(String, String)> =
            self.params.fields.iter().filter(|(name, value)| stays(name) && self.understands(name, value)).cloned().collect();
        for (name, value) in change {
            parts.retain(|(known, _)| known != name);
            if !value.is_empty() {
                parts.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let query: Vec<String> = parts.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        if query.is_empty() { self.params.path.clone() } else { format!("{}?{}", self.params.path, query.join("&")) }
    }

    fn columns(&self) -> Vec<Column> {
        let (order, descending) = self.order();
        let column = |(key, numeric, column): &Head| {
            let sorted = match (*column == order, descending) {
                (true, true) => "descending",
                (true, false) => "ascending",
                _ => "none",
            };
            let turn = if sorted == "ascending" { "desc" } else { "asc" };
            let sort_href = if column.is_empty() { String::new() } else { self.href(&[("sort", column), ("dir", turn)]) };
            Column { label: self.language.t(key), numeric: *numeric, sort_href, sorted }
        };
        self.heads.iter().map(column).collect()
    }

    /// States and currencies that can be chosen; what is chosen is taken away by the same link.
    fn filters(&self, totals: &[Total]) -> Vec<Choice> {
        let choice = |name: &str, value: &str, label: String| {
            let chosen = self.params.get(name) == value;
            Choice { label, href: self.href(&[(name, if chosen { "" } else { value })]), chosen }
        };
        let word = |value: &str, kind: &str| self.language.t(&format!("{kind}-{}", value.replace('_', "-")));
        let groups = self.groups.iter().map(|(group, _)| choice("state", group, word(group, "group")));
        let states = self.states.iter().map(|state| choice("state", state, word(state, "state")));
        let mut found: Vec<Choice> = groups.chain(states).collect();
        let chosen = self.params.get("currency");
        let mut currencies: Vec<&str> =
            totals.iter().map(|total| total.currency.as_str()).filter(|code| !code.is_empty()).collect();
        if currencies.len() < 2 {
            currencies = if chosen.is_empty() { Vec::new() } else { vec![chosen] };
        }
        found.extend(
            currencies
                .iter()
                .map(|code| choice("currency", code, self.language.fill("list-currency", &[("currency", (*code).to_owned())]))),
        );
        found
    }

    /// "Page 2 of 5", where there is more than one; without a count only the number.
    fn place_text(&self, totals: &[Total], more: bool) -> String {
        let page = self.page_number();
        let count = totals.iter().fold(0_i64, |sum, total| sum.saturating_add(total.count));
        let pages = usize::try_from(count).unwrap_or(0).div_ceil(self.size());
        let number = ("page", page.to_string());
        match (pages, page > 1 || more) {
            (_, false) => String::new(),
            (0, true) => self.language.fill("list-place-open", &[number]),
            (pages, true) => self.language.fill("list-place", &[number, ("pages", pages.to_string())]),
        }
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
        let filtered = FILTERS.iter().any(|name| !self.params.get(name).is_empty());
        let next = last.filter(|_| more).map(|(value, id)| format!("{value}~{id}"));
        let next_page = self.page_number().saturating_add(1).to_string();
        // A list that sums nothing has no totals: they would stand below a column that has no amounts.
        let summed = |(_, _, column): &Head| !self.summed.is_empty() && *column == self.summed;
        let at = self.heads.iter().position(summed);
        let sums = totals.iter().filter(|total| at.is_some() && !total.currency.is_empty()).map(|total| TotalRow {
            label: self.language.fill("list-total", &[("count", total.count.to_string())]),
            sums: at.map(|at| (at, self.language.money(&total.currency, total.sum_minor))).into_iter().collect(),
        });
        let paged = more || !self.params.get("after").is_empty() || !self.params.get("size").is_empty();
        let size = |(name, size): &(&str, usize)| {
            let href = self.href(&[("size", if *size == 25 { "" } else { name })]);
            Choice { label: (*name).to_owned(), href, chosen: *size == self.size() }
        };
        Table {
            caption,
            caption_hidden: true,
            narrow: false,
            columns: self.columns(),
            rows,
            totals: sums.collect(),
            filters: self.filters(totals),
            clear_href: if filtered { self.params.path.clone() } else { String::new() },
            empty: if filtered { t("list-no-match") } else { empty },
            empty_link: filtered.then(|| (t("list-clear"), self.params.path.clone())),
            next_href: next.map(|place| self.href(&[("page", &next_page), ("after", &place)])).unwrap_or_default(),
            first_href: if self.params.get("after").is_empty() { String::new() } else { self.href(&[]) },
            csv_href: self.href(&[("format", "csv")]),
            next_label: t("list-next"),
            first_label: t("list-first"),
            csv_label: t("list-csv"),
            clear_label: t("list-clear"),
            sizes: if paged { SIZES.iter().map(size).collect() } else { Vec::new() },
            sizes_label: t("list-sizes"),
            place: self.place_text(totals, more),
            selection: None,
        }
    }

    /// Sends the list as a page, or as a CSV file when the address asks for one. An address with an unknown filter or an empty
    /// page leads to the nearest valid one.
    pub async fn send<R: Right>(&self, who: &Who<R>, mut page: Page, table: Table) -> Answer {
        if self.csv_wanted() {
            let name = self.params.path.trim_matches('/').replace('/', "-");
            return Ok(csv_file(&name, table.to_csv()));
        }
        let strange = self.params.fields.iter().any(|(name, value)| !value.is_empty() && !self.understands(name, value));
        if strange || (table.rows.is_empty() && !self.params.get("after").is_empty()) {
            return Ok(see_other(&self.href(&[])));
        }
        // The title separates filters and pages of a list in the browser's history.
        let chosen = table.filters.iter().filter(|filter| filter.chosen).map(|filter| filter.label.as_str());
        let place = Some(table.place.as_str()).filter(|place| !place.is_empty());
        page.place = chosen.chain(place).collect::<Vec<_>>().join(&self.language.t("list-separator"));
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

/// Everything that is wrong with a table as a file, where there is more than the page shows: line, column, code and sentence.
pub fn faults_file(language: Language, name: &str, faults: impl Iterator<Item = [String; 4]>) -> Block {
    let columns = ["faults-line", "faults-column", "faults-code", "faults-sentence"].map(|key| Column::new(language.t(key)));
    let rows = faults.map(|cells| Row { cells: cells.map(Value::text).to_vec() }).collect();
    let table = Table { columns: columns.to_vec(), rows, ..Table::default() };
    let stem: String = name.chars().filter(|mark| mark.is_ascii_alphanumeric() || "-_".contains(*mark)).take(60).collect();
    Block::Download(language.t("faults-download"), format!("{stem}-faults.csv"), table.to_csv())
}

/// Faults of one table that its page shows; all of them are in a file.
pub const MOST_FAULTS_SHOWN: usize = 100;

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
