//! Limits how much one person and one company may write, mail and store. The check comes before a command waits for the writer,
//! so that one caller's excess costs others nothing. A person's bounds are the company's divided by five.

use crate::allowance::{Allowance, Allowances};
use crate::commands::{Actor, Command};
use crate::http::error::Fault;
use crate::limits::Limits;
use crate::pace::Pace;
use kernel::{PartyId, UserId};

/// People's worth of writes, mails and so on that a company has.
const COMPANY: i64 = 5;
/// Writes to one's own account: language, theme, sessions.
const OWN_A_MINUTE: i64 = 60;
const OWN_A_DAY: i64 = 500;
/// How often all sessions of one person may be ended by others in an hour.
const ENDS_AN_HOUR: i64 = 3;
/// Rows of tables that one company may bring in five minutes. A whole table needs no wait, and the rest of the time the writer
/// serves others.
const ROWS: i64 = 20_000;
const ROWS_SECONDS: i64 = 300;
/// Days' worth of bytes that a year has.
const YEAR: i64 = 20;
const DAY_SECONDS: i64 = 86_400;
/// Acts that mail another company because business goes on, for each message that a person may write.
const NOTICES: i64 = 40;

/// The amounts that were taken and can be given back.
#[derive(Debug, Default)]
pub struct Taken(Vec<(Allowance, String, i64)>);

/// Whose writes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Person(UserId),
    Company(PartyId),
}

#[derive(Debug)]
pub struct Quotas {
    limits: Limits,
    writes: Pace<Whose>,
}

/// The kind of allowance that a command uses besides being a write.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Own,
    /// A word to people at another company, or into another mailbox.
    Message,
    Invitation,
    /// An act of business of which another company learns by mail.
    Notice,
}

fn kind_of(command: &Command) -> Kind {
    match command {
        Command::SetPreferences(_) | Command::RevokeSessions(_) | Command::ChangePassword(_) | Command::EnrolTotp(_) => Kind::Own,
        Command::WriteMessage(_) => Kind::Message,
        Command::InviteUser(_) | Command::InviteCompany(_) | Command::InviteToProgramme(_) | Command::SendLink(_) => {
            Kind::Invitation
        }
        Command::SubmitInvoice(_)
        | Command::WithdrawInvoice(_)
        | Command::ExplainInvoice(_)
        | Command::AnswerInvoice(_)
        | Command::DisputeInvoice(_)
        | Command::SettleDispute(_)
        | Command::AcknowledgeAssignment(_)
        | Command::AnswerProgrammeInvitation(_)
        | Command::ProposeProgramme(_)
        | Command::ChangeProgramme(_)
        | Command::EndMembership(_)
        | Command::ProposeBankAccount(_)
        | Command::RequestPayout(_)
        | Command::WithdrawApproved(_) => Kind::Notice,
        _ => Kind::Plain,
    }
}

/// Bytes that a command keeps, and rows that it writes in one commit.
fn weight(command: &Command) -> (usize, usize) {
    match command {
        Command::AttachEvidence(one) => (one.file.content().len(), 0),
        Command::RegisterInvoice(one) => (one.content.len(), 0),
        Command::RegisterTable(one) => (one.content.len(), one.rows.len()),
        Command::DraftPayables(one) => (one.content.len(), one.rows.len()),
        Command::DraftConfirmationList(one) => (0, one.items.len()),
        Command::ImportStatement(one) => (one.content.len(), 0),
        Command::ImportStatus(one) => (one.content.len(), 0),
        Command::KeepBankFile(one) => (one.content.len(), 0),
        _ => (0, 0),
    }
}

/// Whether the writer needs a noticeable time for a command.
#[must_use]
pub fn is_large(command: &Command) -> bool {
    weight(command).1 > 1_000
}

impl Quotas {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, writes: Pace::default() }
    }

    /// Takes what the command needs of its person's and company's bounds, or nothing. The platform has none.
    pub fn take(&self, allowances: &Allowances, actor: &Actor, command: &Command) -> Result<Taken, Fault> {
        if actor.user_id == UserId(0) || self.limits.writes_per_second == 0 {
            return Ok(Taken::default());
        }
        self.pace(actor)?;
        let mut taken = Taken::default();
        let (person, company) = (format!("person {}", actor.user_id), format!("company {}", actor.party_id));
        for (limit, allowance, name, amount) in self.needs(command, &person, &company) {
            if let Err(later) = allowances.take(&allowance, &name, amount) {
                give_back(allowances, &taken);
                return Err(Fault::Limit { limit, seconds: later.seconds });
            }
            taken.0.push((allowance, name, amount));
        }
        Ok(taken)
    }

    fn needs(&self, command: &Command, person: &str, company: &str) -> Vec<(&'static str, Allowance, String, i64)> {
        let mails = i64::from(self.limits.messages_per_hour);
        let own = |limit, kind, most, seconds| vec![(limit, Allowance { kind, most, seconds }, person.to_owned(), 1)];
        let both = |limit, kind, company_kind, most: i64| {
            let of_company = Allowance { kind: company_kind, most: most.saturating_mul(COMPANY), seconds: 3_600 };
            vec![
                (limit, Allowance { kind, most, seconds: 3_600 }, person.to_owned(), 1),
                (limit, of_company, company.to_owned(), 1),
            ]
        };
        let mut needs = match kind_of(command) {
            Kind::Plain => Vec::new(),
            Kind::Own => {
                let mut needs = own("own", "own_minute", OWN_A_MINUTE, 60);
                needs.extend(own("own", "own_day", OWN_A_DAY, DAY_SECONDS));
                needs
            }
            Kind::Message => both("messages", "messages", "company_messages", mails),
            Kind::Invitation => both("invitations", "invitations", "company_invitations", mails),
            Kind::Notice => both("notices", "notices", "company_notices", mails.saturating_mul(NOTICES)),
        };
        if let Command::EndSessions(end) = command {
            // Others must not keep a person out by ending the person's sessions again and again.
            let of_one = Allowance { kind: "end_sessions", most: ENDS_AN_HOUR, seconds: 3_600 };
            needs.push(("sessions", of_one, format!("person {}", end.user_id), 1));
        }
        let (bytes, rows) = weight(command);
        let day = i64::from(self.limits.megabytes_per_day).saturating_mul(1_024 * 1_024);
        let mut of_company = |limit, kind, most, seconds, amount: usize| {
            if amount > 0 {
                let amount = i64::try_from(amount).unwrap_or(i64::MAX);
                needs.push((limit, Allowance { kind, most, seconds }, company.to_owned(), amount));
            }
        };
        of_company("bytes", "bytes_day", day, DAY_SECONDS, bytes);
        of_company("bytes", "bytes_year", day.saturating_mul(YEAR), DAY_SECONDS.saturating_mul(365), bytes);
        of_company("rows", "rows", ROWS, ROWS_SECONDS, rows);
        needs
    }

    /// Takes one write of the person and of the company. Each has a rate a second, with a burst.
    fn pace(&self, actor: &Actor) -> Result<(), Fault> {
        let rate = u64::from(self.limits.writes_per_second).max(1);
        let of_company = rate.saturating_mul(COMPANY.unsigned_abs());
        let names = [(Whose::Person(actor.user_id), rate), (Whose::Company(actor.party_id), of_company)];
        self.writes.take(&names).map_err(|seconds| Fault::Limit { limit: "writes", seconds })
    }
}

/// Nothing was done, or it had been done before.
pub fn give_back(allowances: &Allowances, taken: &Taken) {
    for (allowance, name, amount) in &taken.0 {
        allowances.give_back(allowance, name, *amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::commands::invoices::register_table::RegisterTable;
    use crate::commands::invoices::write_message::WriteMessage;
    use crate::commands::people::end_sessions::EndSessions;
    use crate::commands::people::set_preferences::SetPreferences;
    use kernel::InvoiceId;

    fn person(company: i64, user: i64) -> Actor {
        Actor::person(PartyId(company), UserId(user))
    }

    fn limited(writes_per_second: u32) -> Quotas {
        Quotas::new(Limits { writes_per_second, messages_per_hour: 3, megabytes_per_day: 1, ..Limits::default() })
    }

    fn second_of(fault: &Fault) -> (&'static str, i64) {
        match fault {
            Fault::Limit { limit, seconds } => (limit, *seconds),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_person_writes_a_burst_and_then_at_the_rate_and_a_company_five_times_that() {
        let quotas = limited(1);
        let allowed = |people: std::ops::Range<i64>| {
            let tries = people.flat_map(|user| (0..20).map(move |_| person(1, user)));
            tries.filter(|actor| quotas.pace(actor).is_ok()).count()
        };
        assert!((10..=11).contains(&allowed(1..2)), "ten seconds' worth");
        assert_eq!(second_of(&quotas.pace(&person(1, 1)).unwrap_err()).0, "writes");
        assert!(quotas.pace(&person(2, 100)).is_ok(), "another company");
        assert!((39..=41).contains(&allowed(2..20)), "five people's worth");
    }

    fn allowances() -> Allowances {
        Allowances::new(Clock::stopped_at("2026-11-25T09:00:00".parse().unwrap()))
    }

    #[test]
    fn messages_rows_and_bytes_are_bounded_and_refused_ones_cost_nothing() {
        let (quotas, allowances) = (limited(1_000), allowances());
        let message: Command = WriteMessage { invoice_id: InvoiceId(1), text: "x".to_owned() }.into();
        let actor = person(1, 1);
        let taken = quotas.take(&allowances, &actor, &message).unwrap();
        give_back(&allowances, &taken);
        for _ in 0..3 {
            quotas.take(&allowances, &actor, &message).unwrap();
        }
        let (limit, seconds) = second_of(&quotas.take(&allowances, &actor, &message).unwrap_err());
        assert!(limit == "messages" && seconds > 3_000, "{limit} {seconds}");
        quotas.take(&allowances, &person(1, 2), &message).unwrap();
        let table = |rows: usize, bytes: usize| -> Command {
            let row = formats::csv::CsvInvoice { line: 2, invoice: formats::invoice::InvoiceFile::default() };
            RegisterTable { file_name: String::new(), sha256: String::new(), content: vec![0; bytes], rows: vec![row; rows] }
                .into()
        };
        quotas.take(&allowances, &actor, &table(20_000, 10)).unwrap();
        assert_eq!(second_of(&quotas.take(&allowances, &actor, &table(1, 10)).unwrap_err()).0, "rows");
        quotas.take(&allowances, &person(2, 3), &table(1, 1_000_000)).unwrap();
        assert_eq!(second_of(&quotas.take(&allowances, &person(2, 3), &table(1, 100_000)).unwrap_err()).0, "bytes");
        quotas.take(&allowances, &person(2, 3), &table(19_999, 10)).unwrap();
        assert!(quotas.take(&allowances, &Actor::SYSTEM, &message).is_ok());
    }

    #[test]
    fn a_viewer_changes_its_preferences_so_often() {
        let (quotas, allowances) = (limited(1_000), allowances());
        let command: Command = SetPreferences { language: "en".to_owned(), theme: "dark".to_owned() }.into();
        let allowed = (0..100).filter(|_| quotas.take(&allowances, &person(1, 1), &command).is_ok()).count();
        assert_eq!(allowed, 60);
    }

    #[test]
    fn nobody_is_signed_out_again_and_again() {
        let (quotas, allowances) = (limited(1_000), allowances());
        let end = |user| Command::from(EndSessions { user_id: UserId(user) });
        for asker in 1..=3 {
            quotas.take(&allowances, &person(1, asker), &end(7)).unwrap();
        }
        assert_eq!(second_of(&quotas.take(&allowances, &person(1, 4), &end(7)).unwrap_err()).0, "sessions");
        quotas.take(&allowances, &person(1, 4), &end(8)).unwrap();
    }
}
