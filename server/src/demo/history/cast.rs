//! The cast: the companies, how they are let in, and their people.

use super::super::files::DemoEntry;
use super::super::{DemoError, PASSWORD};
use super::{Built, Card, Company, World, demo_iban, incoming};
use crate::commands::Actor;
use crate::commands::market::set_buyer_limit::SetBuyerLimit;
use crate::commands::parties::company_data::CompanyData;
use crate::commands::parties::correct_company::CorrectCompany;
use crate::commands::parties::decide_bank_account::DecideBankAccount;
use crate::commands::parties::decide_company::DecideCompany;
use crate::commands::parties::invite_company::InviteCompany;
use crate::commands::parties::propose_bank_account::ProposeBankAccount;
use crate::commands::parties::set_approval_limit::SetApprovalLimit;
use crate::commands::people::accept_invitation::AcceptInvitation;
use crate::commands::people::invite_user::InviteUser;
use crate::hash::sha256_hex;
use domain::Currency;
use kernel::{PartyId, UserId};
use store::Party;
use store::records::Keyed;

pub(super) const BUYERS: &[Card] = &[
    ("Hansewerk Maschinenbau AG", "DE", "DE811569869", "EUR"),
    ("Nordlicht Handel GmbH", "DE", "DE129274202", "EUR"),
    ("江海装备制造股份有限公司", "CN", "91310000MA1FL4XX06", "CNY"),
    ("东岭汽车工业有限公司", "CN", "91440300MA5EXX3J2G", "CNY"),
];

pub(super) const SUPPLIERS: &[Card] = &[
    ("Elbe Feinmechanik GmbH", "DE", "DE136695976", "EUR"),
    ("Küstenguss KG", "DE", "DE200456129", "EUR"),
    ("Trave Elektronik GmbH", "DE", "DE201345870", "EUR"),
    ("Weser Verpackung OHG", "DE", "DE202987349", "EUR"),
    ("Förde Werkzeuge GmbH", "DE", "DE203456788", "EUR"),
    ("Deichland Logistik GmbH", "DE", "DE204567898", "EUR"),
    ("Speicher Textil GmbH", "DE", "DE205678901", "EUR"),
    ("Binnenhafen Chemie GmbH", "DE", "DE206789010", "EUR"),
    ("明川精密零件有限公司", "CN", "91320500MA1XX1234G", "CNY"),
    ("恒泰铸造有限公司", "CN", "91330200MA2XX2345C", "CNY"),
    ("信达电子科技有限公司", "CN", "91440100MA3XX34569", "CNY"),
    ("瑞丰包装材料有限公司", "CN", "91370200MA4XX4567B", "CNY"),
    ("安和物流有限公司", "CN", "91510100MA5XX56782", "CNY"),
    ("博远模具有限公司", "CN", "91330100MA6XX67894", "CNY"),
    ("新泽纺织有限公司", "CN", "91320100MA7XX78908", "CNY"),
];

pub(super) const FINANCIERS: &[Card] = &[
    ("Altonaer Handelsbank AG", "DE", "DE301234565", "EUR"),
    ("Kogge Invoice Fund S.A.", "LU", "LU30123458", "EUR"),
    ("Backstein Factoring GmbH", "DE", "DE302345673", "EUR"),
    ("海通达商业保理有限公司", "CN", "91120116MA8XX8901X", "CNY"),
    ("汇融供应链金融有限公司", "CN", "91310115MA9XX90127", "CNY"),
    ("瀚洋资产管理有限公司", "CN", "91440300MA0XX0123X", "CNY"),
];

impl World {
    pub(super) fn onboard(&mut self) -> Built {
        let password_hash = crate::auth::hash_password(PASSWORD)?;
        for (kind, cards) in [("buyer", BUYERS), ("supplier", SUPPLIERS), ("financier", FINANCIERS)] {
            for (index, card) in cards.iter().enumerate() {
                let company = self.onboard_company(kind, index.saturating_add(1), card, &password_hash)?;
                match kind {
                    "buyer" => self.buyers.push(company),
                    "supplier" => self.suppliers.push(company),
                    _ => self.financiers.push(company),
                }
            }
        }
        for financier in self.financiers.clone() {
            for buyer in self.buyers.clone().iter().filter(|buyer| buyer.currency == financier.currency) {
                let limit_minor = if financier.currency.code() == "EUR" { 250_000_000 } else { 1_200_000_000 };
                self.run_agreed(
                    &financier,
                    SetBuyerLimit { buyer_id: buyer.id, currency: financier.currency.code().to_owned(), limit_minor },
                )?;
            }
        }
        self.correct_some()?;
        for currency in [Currency::EUR, Currency::CNY] {
            let amount_minor = if currency.code() == "EUR" { 180_000_000 } else { 900_000_000 };
            let payers = self.financiers.iter().filter(|financier| financier.currency == currency);
            let entries: Vec<DemoEntry> =
                payers.map(|financier| incoming(financier, amount_minor, &financier.reference)).collect();
            self.bank(currency, entries)?;
        }
        Ok(())
    }

    /// Two companies have brought what was missing of their data: the numbers by which files name them, and their addresses.
    fn correct_some(&mut self) -> Built {
        let operator = self.operator.clone();
        let given = [
            (self.buyers.first().cloned(), "4012345000009", ("Am Sandtorkai", "12", "20457", "Hamburg")),
            (self.suppliers.first().cloned(), "4012345000016", ("Hafenstraße", "7a", "24103", "Kiel")),
        ];
        for (company, gln, (street, building, postcode, town)) in given {
            let Some(company) = company else { continue };
            let party = Party::load(&mut self.conn, company.id)?;
            let data = CompanyData {
                gln: gln.to_owned(),
                endpoint_scheme: "9930".to_owned(),
                endpoint_id: company.tax_id.clone(),
                street: street.to_owned(),
                building: building.to_owned(),
                postcode: postcode.to_owned(),
                town: town.to_owned(),
                address_country: "DE".to_owned(),
                ..CompanyData::of(&party)
            };
            let reason = "Extract of the register and a letter of the company".to_owned();
            self.run_agreed(&operator, CorrectCompany { party_id: company.id, data, reason })?;
        }
        Ok(())
    }

    pub(super) fn onboard_company(
        &mut self,
        kind: &'static str,
        number: usize,
        card: &Card,
        password_hash: &str,
    ) -> Result<Company, DemoError> {
        let (name, country, tax_id, code) = *card;
        let currency = Currency::parse(code).ok_or_else(|| DemoError::Other(code.to_owned()))?;
        let language = if country == "CN" { "zh" } else { "en" };
        let email = format!("{kind}{number}@kontor.example");
        let operator = self.operator.clone();
        let colleague = person_name(kind, number, true);
        let invited = InviteCompany {
            name: name.to_owned(),
            country: country.to_owned(),
            tax_id: tax_id.to_owned(),
            registration_id: String::new(),
            capacities: kind.to_owned(),
            language: language.to_owned(),
            administrator_email: email.clone(),
            administrator_name: person_name(kind, number, false).to_owned(),
            checker_email: format!("{kind}{number}.checker@kontor.example"),
            checker_name: colleague.to_owned(),
        };
        let outcome = self.run(operator.maker(), invited)?;
        let id: PartyId = outcome.number("party_id");
        let (maker, checker): (UserId, UserId) = (outcome.number("user_id"), outcome.number("checker_id"));
        self.accept(maker, person_name(kind, number, false), language, password_hash)?;
        self.accept(checker, colleague, language, password_hash)?;
        if number == 1 {
            let email = format!("{kind}{number}.viewer@kontor.example");
            let reader = InviteUser { email, name: "Vera Adler".to_owned(), roles: "viewer".to_owned() };
            let viewer = self.run(Actor::person(id, maker), reader)?.number("user_id");
            self.accept(viewer, "Vera Adler", language, password_hash)?;
        }
        self.run_agreed(
            &operator,
            DecideCompany { party_id: id, status: "active".to_owned(), reason: "File complete, identity checked".to_owned() },
        )?;
        let company = Company {
            id,
            name: name.to_owned(),
            tax_id: tax_id.to_owned(),
            currency,
            reference: outcome.text("reference"),
            iban: if code == "CNY" {
                format!("CNAPS/102100099996/{:019}", 200_000_109_000_000_i64.saturating_add(id.0))
            } else {
                demo_iban(id.0)
            },
            maker,
            checker,
        };
        let limit_minor = if code == "EUR" { 5_000_000 } else { 30_000_000 };
        self.run_agreed(
            &company,
            SetApprovalLimit { currency: code.to_owned(), limit_minor, day_minor: Some(Some(limit_minor.saturating_mul(40))) },
        )?;
        let holder = domain::names::as_holder(name);
        let bic = if code == "CNY" { "" } else { "COBADEFFXXX" }.to_owned();
        let proposed = ProposeBankAccount { currency: code.to_owned(), iban: company.iban.clone(), bic, holder };
        let account_id = self.run_agreed(&company, proposed)?.number("account_id");
        self.run_agreed(&operator, DecideBankAccount { account_id, verified: true })?;
        Ok(company)
    }

    /// A person follows the link in their invitation.
    pub(super) fn accept(&mut self, user_id: UserId, name: &str, language: &str, password_hash: &str) -> Built {
        let invitation = store::messages::find_invitation(&mut self.conn, user_id)?;
        let arguments: serde_json::Value =
            serde_json::from_str(&invitation.map(|notice| notice.arguments).unwrap_or_default()).unwrap_or_default();
        let token = arguments.get("token").and_then(serde_json::Value::as_str).unwrap_or_default();
        let accepted = AcceptInvitation {
            token_hash: sha256_hex(token.as_bytes()),
            password_hash: password_hash.to_owned(),
            password_digest: String::new(),
            name: name.to_owned(),
            language: language.to_owned(),
        };
        self.run(Actor::DOOR, accepted)?;
        Ok(())
    }
}

pub(super) fn person_name(kind: &str, number: usize, checker: bool) -> &'static str {
    const MAKERS: &[&str] = &[
        "Anna Brandt",
        "Jonas Krüger",
        "Mara Lindner",
        "Felix Otte",
        "Ida Sommer",
        "Paul Richter",
        "Nele Thomsen",
        "Lars Voss",
        "李明",
        "王芳",
        "张伟",
        "刘洋",
        "陈静",
        "杨磊",
        "赵敏",
    ];
    const CHECKERS: &[&str] = &[
        "Heike Wulf",
        "Martin Behrens",
        "Silke Jansen",
        "Uwe Ahrens",
        "Karin Peters",
        "Rolf Meier",
        "Britta Kühn",
        "Dirk Hansen",
        "周强",
        "吴娜",
        "徐丽",
        "孙浩",
        "马超",
        "朱琳",
        "胡军",
    ];
    let list = if checker { CHECKERS } else { MAKERS };
    let shift = match kind {
        "buyer" if number > 2 => 8,
        "financier" if number > 3 => 6,
        _ => 0,
    };
    list.get(number.saturating_add(shift).saturating_sub(1) % list.len()).copied().unwrap_or("Alex")
}
