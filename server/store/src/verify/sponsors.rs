//! The person who brought another one in, and the one who last gave it roles, compared with the audit.

use super::{Finding, finding};
use crate::records::Record;
use crate::{Approval, AuditRecord, User};
use crate::{Conn, Result};
use domain::four_eyes::widens;
use domain::party::Roles;
use kernel::{ApprovalId, UserId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// One command that brought a person in or changed it.
struct Step {
    person: UserId,
    asker: UserId,
    input: Value,
}

/// The statements of the audit, in order. A command that a second person agreed to names its request, which holds the rest.
enum Said {
    Step(Step),
    Agreed { person: UserId, approval: ApprovalId },
}

#[derive(Default)]
pub(super) struct Sponsors {
    said: Vec<Said>,
    /// The roles with which the operator's first people came.
    first: HashMap<UserId, String>,
}

fn number<I: From<i64>>(value: &Value, at: &str) -> Option<I> {
    value.pointer(at).and_then(Value::as_i64).map(I::from)
}

/// The roles that a command gives, and whether the person can sign in with them. None for a command that gives none.
fn given(input: &Value) -> Option<(Roles, bool)> {
    let disabled = input.get("disabled").and_then(Value::as_bool).unwrap_or(false);
    Some((Roles::of(input.get("roles").and_then(Value::as_str).unwrap_or("")).ok()?, !disabled))
}

impl Sponsors {
    pub(super) fn read(&mut self, record: &AuditRecord) {
        let command = record.command.as_str();
        if !["found_platform", "invite_company", "invite_user", "change_user", "correct_address", "decide_approval"]
            .contains(&command)
        {
            return;
        }
        let outcome: Value = serde_json::from_str(&record.outcome).unwrap_or_default();
        let input: Value = serde_json::from_str(&record.input).unwrap_or_default();
        match command {
            "found_platform" => {
                // Its people have the numbers behind the company's.
                let party: i64 = number(&outcome, "/body/party_id").unwrap_or(0);
                let people = input.get("people").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                for (person, id) in people.iter().zip(party.saturating_add(1)..) {
                    self.first.insert(UserId(id), person.get("roles").and_then(Value::as_str).unwrap_or("").to_owned());
                }
            }
            "invite_company" => {
                for (at, roles) in [("/body/user_id", "administrator,maker"), ("/body/checker_id", "checker")] {
                    self.first.extend(number(&outcome, at).map(|id: UserId| (id, roles.to_owned())));
                }
            }
            _ => {
                let Some(person) = number::<UserId>(&outcome, "/body/user_id") else { return };
                let about = outcome.pointer("/body/command").and_then(Value::as_str).unwrap_or(command);
                match (about, number::<ApprovalId>(&outcome, "/body/approval_id")) {
                    // A person of the company who sets another person's address stands behind that person, too.
                    ("correct_address", _) => {
                        let input = json!({ "user_id": person, "address": true });
                        let asker = number(&outcome, "/body/sponsor");
                        self.said.extend(asker.map(|asker| Said::Step(Step { person, asker, input })));
                    }
                    ("appoint_checker", _) => self.first.extend([(person, "checker".to_owned())]),
                    ("invite_user" | "change_user", Some(approval)) => self.said.push(Said::Agreed { person, approval }),
                    ("invite_user" | "change_user", None) => {
                        self.said.push(Said::Step(Step { person, asker: record.user_id, input }));
                    }
                    _ => {}
                }
            }
        }
    }

    /// The steps that changed each person, in order.
    fn steps(self, conn: &mut Conn) -> Result<HashMap<UserId, Vec<Step>>> {
        let agreed = Approval::list_where(conn, "state = 'approved' AND command IN ('invite_user', 'change_user')", &[])?;
        let agreed: HashMap<ApprovalId, Approval> = agreed.into_iter().map(|row| (row.id, row)).collect();
        let mut steps: HashMap<UserId, Vec<Step>> = HashMap::new();
        for said in self.said {
            let step = match said {
                Said::Step(step) => step,
                Said::Agreed { person, approval } => {
                    let Some(request) = agreed.get(&approval) else { continue };
                    Step { person, asker: request.maker_id, input: serde_json::from_str(&request.body).unwrap_or_default() }
                }
            };
            steps.entry(step.person).or_default().push(step);
        }
        Ok(steps)
    }

    pub(super) fn compare(mut self, conn: &mut Conn) -> Result<Option<Finding>> {
        let first = std::mem::take(&mut self.first);
        let steps = self.steps(conn)?;
        let mut last = UserId(i64::MIN);
        loop {
            let users = User::list_where(conn, "id > ? ORDER BY id LIMIT 1000", &[last.into()])?;
            let Some(end) = users.last() else { return Ok(None) };
            last = end.id;
            for user in &users {
                let came_with = first.get(&user.id).map(String::as_str);
                if let Some(problem) = wrong(user, came_with, steps.get(&user.id).map_or(&[], Vec::as_slice)) {
                    return Ok(finding(format!("users {}", user.id), problem));
                }
            }
        }
    }
}

/// Why a person's row does not fit the audit.
fn wrong(user: &User, came_with: Option<&str>, steps: &[Step]) -> Option<&'static str> {
    let is_invitation = |step: &&Step| step.input.get("user_id").is_none();
    if user.invited_by != steps.iter().find(is_invitation).map(|step| step.asker) {
        return Some("it was not brought in by whom its row names");
    }
    let Ok(mut roles) = Roles::of(came_with.unwrap_or("")) else { return Some("it came with roles that are none") };
    let mut enabled = true;
    // A migration has named the last person who made any change. So every person who made one since roles were last widened fits.
    let (mut fits, mut certain) = (Vec::new(), false);
    for step in steps {
        if step.input.get("address").is_some() {
            (fits, certain) = (vec![step.asker], true);
            continue;
        }
        let Some((after, enabled_after)) = given(&step.input) else { return Some("it was given roles that are none") };
        if !is_invitation(&step) && step.asker != user.id {
            if widens((&roles, enabled), (&after, enabled_after)) {
                fits.clear();
                certain = true;
            }
            fits.push(step.asker);
        }
        (roles, enabled) = (after, enabled_after);
    }
    let fit = user.roles_by.map_or(!certain, |named| fits.contains(&named));
    (!fit).then_some("its roles were not given by whom its row names")
}
