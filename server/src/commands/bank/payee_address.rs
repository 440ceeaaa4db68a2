//! Postal addresses of the companies that a payment file pays, from their present data. An account with another holder gets none.

use domain::names;
use formats::pain::PostalAddress;
use kernel::PartyId;
use std::collections::{BTreeMap, BTreeSet};
use store::records::Keyed;
use store::{Conn, Party, Payout, StoreError};

/// The postal addresses of the companies that a list of payouts pays.
#[derive(Clone, Debug, Default)]
pub struct PayeeAddresses {
    /// Name and address of each company.
    by_party: BTreeMap<PartyId, (String, PostalAddress)>,
}

impl PayeeAddresses {
    pub fn load(conn: &mut Conn, payouts: &[Payout]) -> Result<Self, StoreError> {
        let ids: BTreeSet<PartyId> = payouts.iter().filter_map(|row| row.party_id).collect();
        let ids: Vec<PartyId> = ids.into_iter().collect();
        let by_party = Party::list_ids(conn, &ids)?.into_iter().filter_map(|row| Some((row.id, known(row)?))).collect();
        Ok(Self { by_party })
    }

    /// None where the company's data have no address, or where the account has another holder. Also none for a payment that goes
    /// back to its payer: that payer is no company of the platform.
    #[must_use]
    pub fn find(&self, payout: &Payout) -> Option<&PostalAddress> {
        let (name, address) = payout.party_id.and_then(|id| self.by_party.get(&id))?;
        names::is_holder(&payout.holder, name).then_some(address)
    }

    /// The address in one line for people, or nothing.
    #[must_use]
    pub fn line(&self, payout: &Payout) -> String {
        let Some(PostalAddress { street, building, postcode, town, country }) = self.find(payout) else { return String::new() };
        let parts = [format!("{street} {building}"), format!("{postcode} {town}"), country.clone()];
        parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

fn known(party: Party) -> Option<(String, PostalAddress)> {
    let Party { name, street, building, postcode, town, address_country: country, .. } = party;
    let known = !town.is_empty() && !country.is_empty();
    known.then_some((name, PostalAddress { street, building, postcode, town, country }))
}
