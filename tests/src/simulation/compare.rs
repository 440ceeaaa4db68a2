//! The model beside the database: after each batch the touched records, in the end all of them.

use super::model::{Account, Amounts, Model};
use domain::chart::AccountKind;
use domain::pricing::Bearer;
use domain::settlement_instruction::InstructionState;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use store::records::{Keyed, Record};
use store::{AccountRow, AuditRecord, BankLine, Conn, Invoice, Offer, Payout, Purchase, Receivable, TransferRow};

type Check = Result<(), String>;

fn failed(error: impl std::fmt::Display) -> String {
    format!("reading failed: {error}")
}

fn account_of(row: &AccountRow) -> Account {
    (row.kind.name(), row.owner_id.0, row.asset_id)
}

/// The accounts that grow on the debit side, as the model knows them.
fn grows_by_debit(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::Custody | AccountKind::Expense | AccountKind::Claim | AccountKind::Issued)
}

fn same<T: PartialEq + std::fmt::Debug>(what: impl std::fmt::Display, stored: T, model: T) -> Check {
    if stored == model { Ok(()) } else { Err(format!("{what}: stored {stored:?}, the model says {model:?}")) }
}

fn check_account(model: &Model, row: &AccountRow) -> Result<Account, String> {
    let account = account_of(row);
    let stored = Amounts { balance: row.balance.into(), held: row.held.into() };
    same(format!("account {account:?}"), stored, model.amounts(account))?;
    Ok(account)
}

/// Compares the changes since transfer `since` and the records that the model touched. Returns where the journal ends now.
pub fn touched(model: &mut Model, conn: &mut Conn, since: i64) -> Result<i64, String> {
    let heads = store::records::load_heads(conn).map_err(failed)?;
    same("business date", heads.business_date, model.today)?;
    let touched = std::mem::take(&mut model.touched);
    let mut seen = BTreeSet::new();
    for row in AccountRow::list_where(conn, "last_transfer > ?", &[since.into()]).map_err(failed)? {
        seen.insert(check_account(model, &row)?);
    }
    same("accounts that changed", &seen, &touched.accounts)?;
    check_records(model, conn, &touched)?;
    Ok(heads.last_transfer)
}

fn ids<T>(list: &BTreeMap<i64, T>) -> BTreeSet<i64> {
    list.keys().copied().collect()
}

fn list<I: From<i64>>(set: &BTreeSet<i64>) -> Vec<I> {
    set.iter().copied().map(I::from).collect()
}

fn check_records(model: &Model, conn: &mut Conn, wanted: &super::model::Touched) -> Check {
    for row in Invoice::list_ids(conn, &list(&wanted.invoices)).map_err(failed)? {
        let known = &model.invoices[&row.id.0];
        let stored = (row.state.name(), i128::from(row.payable_minor), i128::from(row.confirmed_minor), row.due_date);
        same(format!("invoice {}", row.id), stored, (known.state, known.payable, known.confirmed, known.due))?;
        same(format!("review of invoice {}", row.id), row.review.name(), known.review)?;
        same(format!("credit of invoice {}", row.id), i128::from(row.credited_minor), known.credited)?;
    }
    for row in Receivable::list_ids(conn, &list(&wanted.receivables)).map_err(failed)? {
        let known = &model.receivables[&row.id.0];
        let place = format!("receivable {}", row.id);
        let stored = (row.state.name(), row.payment_date, row.interest_from);
        same(&place, stored, (known.state, known.payment_date, known.interest_from))?;
        let stored = [row.face_minor, row.reserve_minor, row.settlement_fee_minor, row.settlement_fee_paid_minor, row.paid_minor];
        same(&place, stored.map(i128::from), [known.face, known.reserve, known.fee, known.fee_paid, known.paid])?;
        let programme = row.programme_id.map(i64::from);
        let stored = (programme, i128::from(row.face_minor - row.kept_minor()), row.fee_bearer == Bearer::Buyer);
        same(&place, stored, (known.programme, known.sellable, known.buyer_bears))?;
    }
    for row in Offer::list_ids(conn, &list(&wanted.offers)).map_err(failed)? {
        let known = &model.offers[&row.id.0];
        same(format!("offer {}", row.id), (row.state.name(), i128::from(row.left_minor)), (known.state, known.left))?;
        same(format!("what waits of offer {}", row.id), i128::from(row.reserved_minor), known.reserved)?;
    }
    for row in store::BuyerLimit::list_ids(conn, &list(&wanted.limits)).map_err(failed)? {
        let known = model.limit(row.id.0).unwrap_or_default();
        let stored = (i128::from(row.limit_minor), i128::from(row.used_minor));
        same(format!("limit {}", row.id), stored, (known.limit, known.used))?;
    }
    for row in Payout::list_ids(conn, &list(&wanted.payouts)).map_err(failed)? {
        let known = &model.payouts[&row.id.0];
        // The day after which a bank counts as silent is the calendar's affair; until it speaks the payout is on its way.
        let state = if row.state == InstructionState::Unknown { "sent" } else { row.state.name() };
        let stored = (state, i128::from(row.amount_minor), row.custody_id.0);
        same(format!("payout {}", row.id), stored, (known.state, known.amount, known.custody))?;
    }
    for row in BankLine::list_ids(conn, &list(&wanted.lines)).map_err(failed)? {
        let known = &model.lines[&row.id.0];
        let transfer = row.transfer_id.map(i64::from);
        let stored = (row.state.name(), i128::from(row.amount_minor), row.custody_id.0, transfer);
        same(format!("bank line {}", row.id), stored, (known.state, known.amount, known.custody, known.other))?;
        same(format!("claim of bank line {}", row.id), i128::from(row.claim_minor), known.claim)?;
    }
    for row in store::Approval::list_ids(conn, &list(&wanted.approvals)).map_err(failed)? {
        same(format!("approval {}", row.id), row.state.name(), model.approvals[&row.id.0].state)?;
    }
    Ok(())
}

/// Compares every account and every record that the model keeps, and lets the platform verify itself.
pub fn everything(model: &Model, conn: &mut Conn) -> Check {
    let rows = AccountRow::list_where(conn, "1 = 1", &[]).map_err(failed)?;
    let mut seen = BTreeSet::new();
    for row in &rows {
        seen.insert(check_account(model, row)?);
    }
    let missing = model.accounts.iter().find(|(account, amounts)| **amounts != Amounts::default() && !seen.contains(*account));
    same("accounts that are missing", missing, None)?;
    let wanted = super::model::Touched {
        invoices: ids(&model.invoices),
        receivables: ids(&model.receivables),
        offers: ids(&model.offers),
        limits: model.limits.values().map(|limit| limit.id).collect(),
        payouts: ids(&model.payouts),
        lines: ids(&model.lines),
        approvals: ids(&model.approvals),
        ..Default::default()
    };
    check_records(model, conn, &wanted)?;
    for row in store::Review::list_where(conn, "1 = 1", &[]).map_err(failed)? {
        let known = model.reviews.get(&row.id.0).map(|review| (review.state, review.invoice, review.other));
        let stored = (row.state.name(), row.invoice_id.0, row.other_id.map(i64::from));
        same(format!("review {}", row.id), Some(stored), known)?;
    }
    for row in store::SoloActs::list_where(conn, "1 = 1", &[]).map_err(failed)? {
        let known = model.alone.get(&(row.party_id.0, row.currency.clone())).copied();
        same(format!("what {} did alone", row.party_id), Some((row.day, i128::from(row.sum_minor))), known)?;
    }
    for row in store::ProgrammeMember::list_where(conn, "1 = 1", &[]).map_err(failed)? {
        let known = model.members.get(&row.id.0).map(|member| (member.state, member.programme, member.supplier));
        same(format!("member {}", row.id), Some((row.state.name(), row.programme_id.0, row.supplier_id.0)), known)?;
    }
    for row in store::Programme::list_where(conn, "1 = 1", &[]).map_err(failed)? {
        let known = model.programmes.get(&row.id.0).map(|known| known.state);
        same(format!("programme {}", row.id), Some(row.state.name()), known)?;
    }
    let mut bills: BTreeMap<(i64, String), Vec<(i128, i128)>> = BTreeMap::new();
    for row in store::FeeBill::list_where(conn, "1 = 1 ORDER BY id", &[]).map_err(failed)? {
        let of = bills.entry((row.buyer_id.0, row.currency.clone())).or_default();
        of.push((row.amount_minor.into(), row.paid_minor.into()));
    }
    same("fees that buyers bear", &bills, &model.bills)?;
    conserved(model, conn, &rows)?;
    replayed(conn, &rows)?;
    let (_, finding) = store::verify::verify(conn).map_err(failed)?;
    same("kontor verify", finding, None)
}

/// Each asset sums to zero; the bank holds what it reported; units sold, left and given back are what was issued.
fn conserved(model: &Model, conn: &mut Conn, rows: &[AccountRow]) -> Check {
    let mut sums: BTreeMap<i64, i128> = BTreeMap::new();
    let mut units: BTreeMap<i64, i128> = BTreeMap::new();
    for row in rows {
        let sign = if grows_by_debit(row.kind) { -1 } else { 1 };
        *sums.entry(row.asset_id).or_default() += sign * i128::from(row.balance);
        if row.kind == AccountKind::Custody {
            let reported = model.at_bank.get(&(row.owner_id.0, row.asset_id)).copied().unwrap_or(0);
            let way = model.on_the_way(row.owner_id.0, row.asset_id, false);
            same(format!("money on account {} at the bank", row.owner_id), i128::from(row.balance), reported + way)?;
        }
        if row.kind == AccountKind::Holding {
            *units.entry(row.asset_id).or_default() += i128::from(row.balance);
        }
    }
    same("assets that do not sum to zero", sums.iter().find(|(_, sum)| **sum != 0), None)?;
    for (id, receivable) in &model.receivables {
        let held = units.get(id).copied().unwrap_or(0);
        same(format!("units of receivable {id} held and redeemed"), held + receivable.redeemed, receivable.face)?;
    }
    let mut sold: BTreeMap<i64, i128> = BTreeMap::new();
    for purchase in Purchase::list_where(conn, "1 = 1", &[]).map_err(failed)? {
        *sold.entry(purchase.offer_id.0).or_default() += i128::from(purchase.units_minor);
    }
    for (id, offer) in &model.offers {
        same(
            format!("units of offer {id} sold and left"),
            sold.get(id).copied().unwrap_or(0) + offer.left + offer.reserved,
            offer.units,
        )?;
    }
    Ok(())
}

/// Every balance from the journal alone.
fn replayed(conn: &mut Conn, rows: &[AccountRow]) -> Check {
    const POST: i16 = 1;
    const HOLD: i16 = 2;
    const POST_HOLD: i16 = 3;
    let signs: BTreeMap<i64, i128> = rows.iter().map(|row| (row.id, if grows_by_debit(row.kind) { 1 } else { -1 })).collect();
    let mut amounts: BTreeMap<i64, Amounts> = BTreeMap::new();
    for row in TransferRow::list_where(conn, "1 = 1 ORDER BY number", &[]).map_err(failed)? {
        let (amount, debit) = (i128::from(row.amount), amounts.entry(row.debit_account).or_default());
        match row.kind {
            POST => {}
            HOLD => debit.held += amount,
            _ => debit.held -= amount,
        }
        if matches!(row.kind, POST | POST_HOLD) {
            debit.balance += signs.get(&row.debit_account).copied().unwrap_or(0) * amount;
            let credit = row.credit_account.unwrap_or(0);
            amounts.entry(credit).or_default().balance -= signs.get(&credit).copied().unwrap_or(0) * amount;
        }
    }
    for row in rows {
        let stored = Amounts { balance: row.balance.into(), held: row.held.into() };
        same(format!("account {} replayed", row.id), stored, amounts.get(&row.id).copied().unwrap_or_default())?;
    }
    Ok(())
}

/// Every key did one act, which is stored as it was answered; nothing is stored without a request.
pub fn outcomes(model: &Model, conn: &mut Conn, from: i64) -> Check {
    let rows = AuditRecord::list_where(conn, "seq > ? ORDER BY seq", &[from.into()]).map_err(failed)?;
    let mut seen = BTreeSet::new();
    for row in &rows {
        let key = (row.party_id.0, row.idempotency_key.clone());
        let known =
            model.keys.get(&key).ok_or_else(|| format!("audit record {} has a key that nobody sent: {key:?}", row.seq))?;
        let stored = server::commands::Outcome::stored(&row.outcome, row.seq);
        let outcome = (stored.seq.0, stored.awaits_approval.map(i64::from), stored.body);
        same(format!("outcome of {key:?}"), outcome, (known.seq, known.awaits_approval, known.body.clone()))?;
        if !seen.insert(key.clone()) {
            return Err(format!("{key:?} ran twice"));
        }
    }
    let lost = model.keys.keys().find(|key| !seen.contains(*key));
    same("acknowledged and lost", lost, None)
}

/// SHA-256 over every row that is not a secret or a file, table by table in the order of their keys.
pub fn digest(conn: &mut Conn) -> Result<String, String> {
    let mut hasher = Sha256::new();
    // Invitations and passwords carry values that no seed decides.
    macro_rules! tables {
        ($($row:ident $order:literal $($condition:literal)?),+ $(,)?) => {$(
            let condition = concat!("1 = 1 ", $($condition,)? " ORDER BY ", $order);
            for row in store::$row::list_where(conn, condition, &[]).map_err(failed)? {
                hasher.update(serde_json::to_vec(&row).map_err(failed)?);
            }
        )+};
    }
    let heads = store::records::load_heads(conn).map_err(failed)?;
    hasher.update(format!("{} {} {} {}", heads.next_id, heads.last_transfer, heads.last_audit, heads.business_date));
    for mut row in AuditRecord::list_where(conn, "1 = 1 ORDER BY seq", &[]).map_err(failed)? {
        // A day's sum trees are salted with values that no seed decides. No seed decides passwords either, whose rows leave
        // marks.
        if row.command == "close_day" {
            row.outcome.clear();
        }
        // The input binds the token of the invitation, which is drawn.
        if row.command == "accept_invitation" {
            (row.input, row.input_hash) = (String::new(), String::new());
        }
        let mut outcome: Value = serde_json::from_str(&row.outcome).unwrap_or_default();
        if let Some(wrote) = outcome.get_mut("wrote").and_then(Value::as_object_mut) {
            wrote.retain(|name, _| !name.starts_with("users/"));
            row.outcome = outcome.to_string();
        }
        hasher.update(serde_json::to_vec(&row).map_err(failed)?);
    }
    tables!(
        TransferRow "number", AccountRow "id", Party "id", BankAccount "id", ApprovalLimit "party_id, currency", BuyerLimit "id", SoloActs "id", IssueTermsRow "currency",
        Holiday "currency, day", Document "sha256", Invoice "id", Confirmation "id", Receivable "id",
        LateClaim "receivable_id, party_id", Offer "id", Purchase "id", Statement "id", BankLine "id", Payout "id",
        PaymentFile "id", CustodyAccount "id", Approval "id", Notice "id" "AND kind <> 'invitation'", Review "id", CreditNote "id", Evidence "id",
        Programme "id", ProgrammeVersion "id", ProgrammeMember "id", FeeBill "id",
    );
    Ok(server::hash::hex(&hasher.finalize()))
}
