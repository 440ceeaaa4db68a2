//! A payment with more holders than one batch carries: shared out piece by piece, exact, and resumable.

use domain::allocation::{Running, Weight};
use domain::chart::AccountKey;
use e2e::{Client, Database};
use kernel::{PartyId, ReceivableId};
use ledger::AssetId;
use server::bench::redeem;
use server::commands::Actor;
use server::commands::receivables::settlement;
use server::demo::{PASSWORD, history};
use server::jobs::share_payments;
use server::writer::Writer;
use store::records::{Keyed, Record};
use store::{Conn, Distribution, Receivable, distributions};

/// More than are paid at once, in several pieces of which the last is not whole.
const HOLDERS: i64 = settlement::PIECE * 4 + 30;

fn balance(conn: &mut Conn, party: PartyId, asset: i64) -> i64 {
    let key = if asset == 978 { AccountKey::cash(party, AssetId(asset)) } else { AccountKey::holding(party, AssetId(asset)) };
    store::journal::list_accounts(conn, &[key]).unwrap().first().map_or(0, |row| row.balance)
}

fn suspense(conn: &mut Conn) -> i64 {
    store::journal::list_accounts(conn, &[AccountKey::suspense(AssetId(978))]).unwrap().first().map_or(0, |row| row.balance)
}

fn positions(conn: &mut Conn, receivable: ReceivableId) -> Vec<distributions::Position> {
    distributions::list_positions(conn, receivable, PartyId(0), HOLDERS * 2).unwrap()
}

#[test]
fn many_holders_are_paid_piece_by_piece() {
    for database in Database::both() {
        let clock = e2e::world::clock();
        let lots = history::build_market(&database.url, 2, false, &clock).unwrap();
        let receivable = redeem::spread(&database.url, lots[1].offer_id, HOLDERS, &clock).unwrap();
        let mut conn = store::connect(&database.url).unwrap();
        let pool = store::open_pool(&database.url, 2).unwrap();
        let today = store::records::load_heads(&mut conn).unwrap().business_date;
        let waiting = suspense(&mut conn);
        let before = positions(&mut conn, receivable.id);
        assert_eq!(before.len() as i64, HOLDERS);
        let units: Vec<i64> = before.iter().map(|position| position.units_minor).collect();
        assert_eq!(units.iter().sum::<i64>(), receivable.face_minor);
        assert!(units.iter().any(|unit| *unit != units[0]), "uneven, so that divisions leave remainders");

        // A part payment of an awkward size, and before it is shared out the rest and some more.
        let part = receivable.face_minor / 3 + 1;
        let rest = receivable.confirmed_minor - part + 77;
        let (writer, thread) = Writer::start(&database.url, clock.clone()).unwrap();
        for (key, amount) in [("first", part), ("second", rest)] {
            let (operators, receipt) = redeem::payment(&receivable, amount, today);
            writer.submit_blocking(operators, format!("payment-{key}"), receipt).unwrap();
        }
        assert_eq!(store::verify::unbalanced_asset(&mut conn).unwrap(), None);

        // One piece, then the process ends; another goes on.
        let mut asked = 0;
        let once = std::cell::Cell::new(false);
        let pieces = share_payments::go_on(&writer, &pool, || once.replace(true)).unwrap();
        assert_eq!(pieces, 1);
        let running = Distribution::list_where(&mut conn, "state = 'running'", &[]).unwrap();
        assert_eq!(running.len(), 1);
        assert_eq!(positions(&mut conn, receivable.id).len() as i64, HOLDERS, "a part payment leaves everybody some units");
        drop(writer);
        thread.join().unwrap();

        // Meanwhile the units of the receivable stand still, and other offers are sold.
        let mut config = e2e::world::config(&database, "http://kontor.test");
        config.demo = false;
        let (writer, thread) = Writer::start(&database.url, clock.clone()).unwrap();
        let supplier =
            store::User::find_where(&mut conn, "party_id = ? ORDER BY id", &[receivable.supplier_id.into()]).unwrap().unwrap();
        let offer = server::commands::market::create_offer::CreateOffer {
            receivable_id: receivable.id,
            units_minor: 1_000_000,
            rate: "5".to_owned(),
            method: "discount".to_owned(),
            day_count: "ACT/360".to_owned(),
            minimum_ticket_minor: 100_000,
            close_date: today,
        };
        let refused =
            writer.submit_blocking(Actor::person(receivable.supplier_id, supplier.id), "again".to_owned(), offer.into());
        assert_eq!(refused, Err(server::writer::WriteError::Refused(domain::Refusal::PaymentBeingShared)));
        while share_payments::go_on(&writer, &pool, || false).unwrap() > 0 {
            asked += 1;
        }
        assert_eq!(asked, 2, "the second payment waits for the first");

        // The first by running shares over all holders, the second pays everybody out.
        let weights: Vec<Weight> =
            before.iter().map(|position| Weight { id: position.party.0, whole: position.units_minor, had: 0 }).collect();
        let shares = Running::plan(part, &weights).unwrap();
        let first: Vec<i64> = weights.iter().map(|weight| shares.share(weight).unwrap()).collect();
        assert_eq!(first.iter().sum::<i64>(), part);
        let mut first_shares = 0;
        for (position, share) in before.iter().zip(&first) {
            assert_eq!(balance(&mut conn, position.party, 978), position.units_minor, "face to the last unit");
            assert_eq!(balance(&mut conn, position.party, receivable.id.0), 0);
            let key = AccountKey::cash(position.party, AssetId(978));
            let account = store::journal::list_accounts(&mut conn, &[key]).unwrap().remove(0);
            let lines = store::journal::statement_page(&mut conn, account.id, account.last_transfer, 10).unwrap();
            let parts: Vec<i64> = lines.iter().rev().map(|line| line.amount).collect();
            assert_eq!(parts, [*share, position.units_minor - share]);
            first_shares += parts[0];
        }
        assert_eq!(first_shares, part);
        let settled = Receivable::load(&mut conn, receivable.id).unwrap();
        assert_eq!((settled.state.name(), settled.paid_minor), ("redeemed", receivable.confirmed_minor));
        let collection = AccountKey::collection(receivable.id, AssetId(978));
        assert_eq!(store::journal::list_accounts(&mut conn, &[collection]).unwrap()[0].balance, 0);
        assert_eq!(suspense(&mut conn) - waiting, 77, "what was paid too much waits for its payer");
        drop(writer);
        thread.join().unwrap();
        let (_, finding) = store::verify::verify_without_marks(&mut conn).unwrap();
        assert!(finding.is_none(), "{finding:?}");

        // The page of the receivable still answers, and a desk still buys from the other offer.
        let running = server::serve::start(config, clock).unwrap();
        let client = Client::new(&format!("http://127.0.0.1:{}", running.port));
        client.api_sign_in("financier1@kontor.example", PASSWORD);
        let body = serde_json::json!({ "offer_id": lots[0].offer_id, "units_minor": lots[0].units_minor, "price_minor": lots[0].price_minor });
        assert_eq!(client.api("buy-fractions", "after-the-redemption", &body).status, 200);
        drop(client);
        running.stop().unwrap();
    }
}
