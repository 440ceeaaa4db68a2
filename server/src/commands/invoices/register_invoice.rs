//! A supplier's uploaded file becomes a draft invoice, which a person submits afterwards, or a credit note on one.

use crate::batch::{Batch, Step};
use crate::commands::invoices::intake::{self, Examined, Source, admit, examine_alone};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::party::Capacity;
use formats::invoice::InvoiceFile;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RegisterInvoice {
    pub file_name: String,
    pub sha256: String,
    #[serde(skip)]
    pub content: Vec<u8>,
    #[serde(skip)]
    pub parsed: Box<InvoiceFile>,
    /// Rules that the file breaks without being wrong: code and line, as `file_reader` writes them.
    #[serde(skip)]
    pub warnings: String,
}

impl Execute for RegisterInvoice {
    const NAME: &'static str = "register_invoice";

    type Decision = Examined;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Examined> {
        let supplier = view.acting_party(actor, Capacity::Supplier)?;
        let format = intake::format_of(&self.content, self.parsed.syntax);
        let source = Source { file: &self.parsed, sha256: &self.sha256, format, warnings: &self.warnings };
        examine_alone(view, &supplier, &source)
    }

    fn apply(&self, batch: &mut Batch<'_>, actor: &Actor, examined: Examined) -> Applied<Done> {
        intake::keep(batch, actor, &self.file_name, &self.sha256, &self.content)?;
        let (subject, body) = admit(batch, examined)?;
        Ok(Done::new(subject, body))
    }
}
