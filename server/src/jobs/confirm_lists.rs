//! Confirms the payables of decided lists, some at a time, so that other work goes on in between. Each is an ordinary
//! confirmation under a key of its own, so a restart after a kill confirms nothing twice.

use crate::commands::confirmations::confirm_invoice::ConfirmInvoice;
use crate::commands::confirmations::draft_confirmation_list::stored;
use crate::commands::confirmations::record_confirmed::{ItemResult, RecordConfirmed};
use crate::commands::{Actor, Command, Proof, own_key};
use crate::http::error::Fault;
use crate::writer::{Reply, WriteError, Writer};
use domain::Refusal;
use store::{ConfirmationItem, ConfirmationList, Pool, confirmations};

/// Confirmations that go to the writer together: well below a second of its time.
pub const PIECE: i64 = 50;

/// Goes on with every list that is not through and returns how many pieces were done.
pub fn go_on(writer: &Writer, pool: &Pool, stop: impl Fn() -> bool) -> Result<u32, Fault> {
    let mut conn = pool.get().map_err(|error| Fault::Failed(error.to_string()))?;
    let (mut pieces, mut stopped) = (0_u32, None);
    for list in confirmations::list_running_lists(&mut conn)? {
        while !stop() {
            let items = confirmations::list_waiting_items(&mut conn, list.id, PIECE)?;
            let Some(first) = items.first() else { break };
            let key = own_key("record-confirmed", &[&list.id, &first.id]);
            let first = first.id;
            let commands: Option<Vec<_>> = items.iter().map(|item| confirmation(&list, item)).collect();
            let replies = writer.submit_all(commands.ok_or_else(|| Fault::Failed(format!("list {} is not whole", list.id)))?);
            let results: Result<Vec<_>, Fault> = items
                .iter()
                .zip(replies)
                .map(|(item, reply)| Ok(ItemResult { item_id: item.id, refusal: told(reply)? }))
                .collect();
            let command = RecordConfirmed { list_id: list.id, results: results? };
            match super::submit(writer, key, command) {
                Err(Fault::KeyTaken(key)) => {
                    // Another process may have come first; the next round starts from where it got to. Other lists go on.
                    let waiting = confirmations::list_waiting_items(&mut conn, list.id, 1)?;
                    if waiting.first().is_some_and(|item| item.id == first) {
                        stopped = Some(key);
                    }
                    break;
                }
                reply => reply?,
            };
            pieces = pieces.saturating_add(1);
        }
    }
    stopped.map_or(Ok(pieces), |key| Err(Fault::KeyTaken(key)))
}

/// The confirmation of one line, by the person who signed the list, with the person who agreed.
fn confirmation(list: &ConfirmationList, item: &ConfirmationItem) -> Option<(Actor, String, Command)> {
    let proof = Proof::of_list(list);
    let actor = Actor { party_id: list.party_id, user_id: list.signer_id?, approver_id: list.approver_id, proof };
    let command = ConfirmInvoice {
        invoice_id: item.invoice_id,
        amount_minor: item.amount_minor,
        due_date: item.due_date?,
        version: list.version.clone(),
        words_hash: item.words_hash.clone(),
        reason: item.reason.clone(),
        withheld_minor: 0,
        retained_minor: 0,
        deducted_minor: 0,
        terms: String::new(),
    };
    Some((actor, own_key("confirm-list", &[&list.id, &item.id]), command.into()))
}

/// Empty if confirmed, else the obstacle. A reply that is neither is asked for again in the next round.
fn told(reply: Reply) -> Result<String, Fault> {
    match reply {
        // The line differs by now from the decided one: it needs a second person of its own.
        Ok(outcome) if outcome.awaits_approval.is_some() => Ok(stored(&Refusal::StateConflict { state: "pending".to_owned() })),
        // The check before the act found something: a person looks first.
        Ok(outcome) if outcome.body.get("review").is_some() => Ok(stored(&Refusal::UnderReview)),
        Ok(_) => Ok(String::new()),
        Err(WriteError::Refused(refusal)) => Ok(stored(&refusal)),
        Err(error) => Err(Fault::Failed(format!("{error:?}"))),
    }
}
