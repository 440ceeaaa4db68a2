//! A table row for each verdict and their precedence, and long random runs against an independent model.

use super::*;
use crate::{Account, AssetId, Floor, Side};

const EUR: AssetId = AssetId(1);
const CNY: AssetId = AssetId(2);
const BANK: AccountId = AccountId(1);
const ALICE: AccountId = AccountId(2);
const BOB: AccountId = AccountId(3);
const YUAN: AccountId = AccountId(4);
const NOBODY: AccountId = AccountId(99);
const CODE: Code = Code(7);

fn post(debit: AccountId, credit: AccountId, amount: i64) -> Entry {
    Entry::Post { debit, credit, amount, code: CODE }
}
fn hold(account: AccountId, amount: i64, expires_at: Option<i64>) -> Entry {
    Entry::Hold { account, amount, expires_at, code: CODE }
}
fn post_hold(hold: i64, credit: AccountId, amount: i64) -> Entry {
    Entry::PostHold { hold: TransferNumber(hold), credit, amount, code: CODE }
}
fn void(hold: i64) -> Entry {
    Entry::VoidHold { hold: TransferNumber(hold), code: CODE }
}
fn expire(hold: i64) -> Entry {
    Entry::ExpireHold { hold: TransferNumber(hold), code: CODE }
}

/// Alice has 100; holds 2 (30, no end), 3 (20, ends at 50), 4 (voided) are hers.
fn book() -> Book {
    let mut book = Book::default();
    book.open_account(Account::new(BANK, EUR, Side::Debit, Floor::Zero));
    book.open_account(Account::new(ALICE, EUR, Side::Credit, Floor::Zero));
    book.open_account(Account::new(BOB, EUR, Side::Credit, Floor::Zero));
    book.open_account(Account::new(YUAN, CNY, Side::Credit, Floor::None));
    let set = [post(BANK, ALICE, 100), hold(ALICE, 30, None), hold(ALICE, 20, Some(50)), hold(ALICE, 1, None), void(4)];
    book.apply(&set, 10).unwrap();
    book
}

#[test]
fn each_verdict_has_its_row() {
    use Verdict::*;
    let rows: &[(&[Entry], i64, usize, Verdict)] = &[
        (&[], 10, 0, EmptySet),
        (&[post(BANK, ALICE, 0)], 10, 0, AmountNotPositive),
        (&[post(BANK, ALICE, -1)], 10, 0, AmountNotPositive),
        (&[hold(ALICE, 0, None)], 10, 0, AmountNotPositive),
        (&[post_hold(2, BOB, 0)], 10, 0, AmountNotPositive),
        (&[post_hold(77, BOB, 1)], 10, 0, HoldUnknown),
        (&[void(77)], 10, 0, HoldUnknown),
        (&[expire(77)], 10, 0, HoldUnknown),
        (&[post_hold(4, BOB, 1)], 10, 0, HoldClosed),
        (&[void(4)], 10, 0, HoldClosed),
        (&[post_hold(3, BOB, 1)], 50, 0, HoldExpired),
        (&[expire(3)], 49, 0, HoldNotExpired),
        (&[expire(2)], 49, 0, HoldNotExpired),
        (&[post_hold(2, BOB, 31)], 10, 0, ExceedsHold),
        (&[post(NOBODY, ALICE, 1)], 10, 0, DebitAccountUnknown),
        (&[hold(NOBODY, 1, None)], 10, 0, DebitAccountUnknown),
        (&[post(ALICE, NOBODY, 1)], 10, 0, CreditAccountUnknown),
        (&[post_hold(2, NOBODY, 1)], 10, 0, CreditAccountUnknown),
        (&[post(ALICE, ALICE, 1)], 10, 0, SameAccount),
        (&[post(ALICE, YUAN, 1)], 10, 0, AssetMismatch),
        (&[hold(BANK, 1, None)], 10, 0, HoldOnDebitSide),
        // A hold counts as spent: 100 less 50 held leaves 50.
        (&[post(ALICE, BOB, 51)], 10, 0, InsufficientFunds),
        (&[hold(ALICE, 51, None)], 10, 0, InsufficientFunds),
        // The bank account may not turn into a debt either.
        (&[post(BOB, BANK, 1)], 10, 0, InsufficientFunds),
        (&[post(BANK, BOB, i64::MAX)], 10, 0, Overflow),
        // Two that apply at once: the earlier of the enumeration is given.
        (&[post(NOBODY, NOBODY, 0)], 10, 0, AmountNotPositive),
        (&[post(NOBODY, NOBODY, 1)], 10, 0, DebitAccountUnknown),
        (&[post_hold(3, NOBODY, 500)], 50, 0, HoldExpired),
        // The second entry of a set is to blame.
        (&[post(ALICE, BOB, 50), post(ALICE, BOB, 1)], 10, 1, InsufficientFunds),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (set, now, index, verdict) in rows {
        let mut book = book();
        let (alice, bob, last) = (book.account(ALICE).cloned(), book.account(BOB).cloned(), book.last());
        let rejection = book.apply(set, *now).unwrap_err();
        assert_eq!((rejection.index, rejection.verdict), (*index, *verdict), "{set:?}");
        assert_eq!((book.account(ALICE).cloned(), book.account(BOB).cloned()), (alice, bob));
        assert_eq!(book.last(), last, "a refused set leaves no trace");
        seen.insert(*verdict);
    }
    assert_eq!(seen.len(), 14, "every verdict has a row");
}

#[test]
fn hold_overflow_is_refused_even_without_a_floor() {
    let mut book = book();
    book.apply(&[hold(YUAN, i64::MAX, None)], 10).unwrap();
    let rejection = book.apply(&[hold(YUAN, 1, None)], 10).unwrap_err();
    assert_eq!(rejection.verdict, Verdict::Overflow);
}

#[test]
fn a_hold_is_posted_in_parts_and_the_rest_freed() {
    let mut book = book();
    book.apply(&[post_hold(2, BOB, 10)], 10).unwrap();
    book.apply(&[post_hold(2, BOB, 5), void(2)], 10).unwrap();
    let alice = book.account(ALICE).unwrap();
    assert_eq!((alice.balance, alice.held, alice.available()), (85, 20, 65));
    assert_eq!(book.account(BOB).unwrap().balance, 15);
    assert_eq!(book.hold(TransferNumber(2)).unwrap().state, HoldState::Voided);
    book.apply(&[expire(3)], 50).unwrap();
    assert_eq!(book.account(ALICE).unwrap().held, 0);
}

#[test]
fn rows_carry_balances_and_links_and_changes_are_handed_over_once() {
    let mut book = book();
    book.take_changes();
    let rows = book.apply(&[post(ALICE, BOB, 5), post(BOB, ALICE, 2)], 10).unwrap().to_vec();
    assert_eq!(rows[0].number, TransferNumber(6));
    assert_eq!(rows[0].debit.balance_after, 95);
    assert_eq!(rows[0].debit.previous, TransferNumber(5));
    assert_eq!(rows[0].credit.unwrap().previous, TransferNumber(0));
    assert_eq!(rows[1].debit.previous, TransferNumber(6));
    let changes = book.take_changes();
    assert_eq!((changes.transfers.len(), changes.accounts.len(), changes.holds.len()), (2, 2, 0));
    assert!(book.take_changes().accounts.is_empty());
}

/// splitmix64: small, seedable and good enough to choose test cases.
struct Dice(u64);
impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// The model keeps no balances. It keeps only a list of events, and adds them up anew with 128 bits for each question.
#[derive(Default)]
struct Model {
    moves: Vec<(AccountId, i128)>,
    open: HashMap<i64, (AccountId, i128, Option<i64>)>,
    totals: HashMap<AccountId, i128>,
}

impl Model {
    fn credit_total(&self, id: AccountId) -> i128 {
        *self.totals.get(&id).unwrap_or(&0)
    }
    fn held(&self, id: AccountId) -> i128 {
        self.open.values().filter(|(account, ..)| *account == id).map(|(_, left, _)| left).sum()
    }
    fn shift(&mut self, id: AccountId, by: i128) {
        self.moves.push((id, by));
        *self.totals.entry(id).or_default() += by;
    }
}

#[test]
fn two_million_random_transfers_agree_with_an_independent_model() {
    const ACCOUNTS: i64 = 12;
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let mut book = Book::default();
        let mut model = Model::default();
        let side = |id: i64| if id % 4 == 0 { Side::Debit } else { Side::Credit };
        let floor = |id: i64| if id == 4 { Floor::None } else { Floor::Zero };
        let asset = |id: i64| AssetId(id / 6);
        for id in 0..ACCOUNTS {
            book.open_account(Account::new(AccountId(id), asset(id), side(id), floor(id)));
        }
        let fits = |model: &Model, id: AccountId, change: i128, freed: i128| {
            let sign = if side(id.0) == Side::Credit { 1 } else { -1 };
            let after = sign * (model.credit_total(id) + change);
            let grows = sign * change > 0;
            grows || floor(id.0) == Floor::None || after >= model.held(id) - freed
        };
        let mut accepted = 0_u64;
        for step in 0..500_000_i64 {
            let now = step / 100;
            let amount = dice.roll(50) as i64 + 1;
            let (a, b) = (AccountId(dice.roll(12) as i64), AccountId(dice.roll(12) as i64));
            let some_hold = if model.open.is_empty() {
                0
            } else {
                *model.open.keys().nth(dice.roll(model.open.len() as u64) as usize).unwrap()
            };
            match dice.roll(10) {
                0..=5 => {
                    let ok = a != b
                        && asset(a.0) == asset(b.0)
                        && fits(&model, a, -i128::from(amount), 0)
                        && fits(&model, b, i128::from(amount), 0);
                    assert_eq!(book.apply(&[post(a, b, amount)], now).is_ok(), ok, "seed {seed} step {step}");
                    if ok {
                        model.shift(a, -i128::from(amount));
                        model.shift(b, i128::from(amount));
                        accepted += 1;
                    }
                }
                6 if model.open.len() < 40 => {
                    let end = (dice.roll(2) == 0).then(|| now + dice.roll(40) as i64);
                    let ok = side(a.0) == Side::Credit
                        && (floor(a.0) == Floor::None || model.credit_total(a) >= model.held(a) + i128::from(amount));
                    let outcome = book.apply(&[hold(a, amount, end)], now).map(|rows| rows[0].number.0);
                    assert_eq!(outcome.is_ok(), ok);
                    if let Ok(number) = outcome {
                        model.open.insert(number, (a, i128::from(amount), end));
                    }
                }
                7 if some_hold != 0 => {
                    let (from, left, end) = model.open[&some_hold];
                    let wide = i128::from(amount);
                    let ok = end.is_none_or(|end| end > now)
                        && wide <= left
                        && from != b
                        && asset(from.0) == asset(b.0)
                        && fits(&model, from, -wide, wide)
                        && fits(&model, b, wide, 0);
                    assert_eq!(book.apply(&[post_hold(some_hold, b, amount)], now).is_ok(), ok);
                    if ok {
                        model.shift(from, -wide);
                        model.shift(b, wide);
                        if left == wide {
                            model.open.remove(&some_hold);
                        } else {
                            model.open.insert(some_hold, (from, left - wide, end));
                        }
                        accepted += 1;
                    }
                }
                8 if some_hold != 0 => {
                    let (_, _, end) = model.open[&some_hold];
                    let due = end.is_some_and(|end| end <= now);
                    let entry = if due { expire(some_hold) } else { void(some_hold) };
                    assert!(book.apply(&[entry], now).is_ok());
                    model.open.remove(&some_hold);
                }
                _ => {
                    // A set whose last entry cannot succeed must leave no trace.
                    let last = book.last();
                    assert!(book.apply(&[post(a, b, amount), post(NOBODY, a, 1)], now).is_err());
                    assert_eq!(book.last(), last);
                }
            }
            if step % 50_000 == 0 {
                compare(&book, &model, ACCOUNTS, side);
            }
        }
        compare(&book, &model, ACCOUNTS, side);
        assert!(accepted > 100_000, "the run must do real work: {accepted}");
        let changes = book.take_changes();
        for (index, row) in changes.transfers.iter().enumerate() {
            assert_eq!(row.number.0, index as i64 + 1, "numbers are gapless");
        }
    }
}

fn compare(book: &Book, model: &Model, accounts: i64, side: impl Fn(i64) -> Side) {
    let mut sums: HashMap<AssetId, i128> = HashMap::new();
    let mut replayed: HashMap<AccountId, i128> = HashMap::new();
    for (id, by) in &model.moves {
        *replayed.entry(*id).or_default() += by;
    }
    for id in (0..accounts).map(AccountId) {
        let account = book.account(id).unwrap();
        let sign = if side(id.0) == Side::Credit { 1 } else { -1 };
        let total = replayed.get(&id).copied().unwrap_or_default();
        assert_eq!(i128::from(account.balance) * sign, total);
        assert_eq!(i128::from(account.held), model.held(id));
        *sums.entry(account.asset).or_default() += total;
    }
    assert!(sums.values().all(|sum| *sum == 0), "each asset sums to zero");
}

/// A batch goes on where the one before it ended: with its numbers, and with accounts and holds as they were stored.
#[test]
fn a_stored_book_is_gone_on_with() {
    let mut first = book();
    let stored = first.take_changes();
    let mut next = Book::after(first.last());
    for account in stored.accounts {
        next.load_account(account);
    }
    for hold in stored.holds {
        next.load_hold(hold);
    }
    let made = next.apply(&[post_hold(2, BOB, 30), post(ALICE, BOB, 1)], 10).unwrap();
    assert_eq!(made.iter().map(|transfer| transfer.number.0).collect::<Vec<_>>(), [6, 7]);
    assert_eq!((first.last(), next.last()), (TransferNumber(5), TransferNumber(7)));
    // Stored values do not overwrite the batch's changes.
    next.load_account(Account::new(BOB, EUR, Side::Credit, Floor::Zero));
    assert_eq!(next.account(BOB).unwrap().balance, 31);
}
