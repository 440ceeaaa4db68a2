//! A person's own language and theme.

use crate::batch::{Batch, Step};
use crate::commands::{Actor, Applied, Done, Execute};
use crate::view::View;
use domain::Refusal;
use domain::party::{Language, Theme};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::User;
use store::records::Keyed;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetPreferences {
    /// "en" or "zh".
    pub language: String,
    /// "system", "light" or "dark".
    pub theme: String,
}

/// Whose they are, and what was chosen.
pub struct Chosen {
    user: User,
    language: Language,
    theme: Theme,
}

impl Execute for SetPreferences {
    const NAME: &'static str = "set_preferences";

    type Decision = Chosen;

    fn decide(&self, view: &mut dyn View, actor: &Actor) -> Step<Chosen> {
        let user = User::load(view.conn(), actor.user_id)?;
        let invalid = |field: &str| Refusal::FieldInvalid { field: field.to_owned() };
        let language = Language::parse(&self.language).ok_or_else(|| invalid("language"))?;
        let theme = Theme::parse(&self.theme).ok_or_else(|| invalid("theme"))?;
        Ok(Chosen { user, language, theme })
    }

    fn apply(&self, batch: &mut Batch<'_>, _actor: &Actor, decision: Chosen) -> Applied<Done> {
        let Chosen { mut user, language, theme } = decision;
        user.language = language;
        user.theme = theme;
        batch.update(&user)?;
        Ok(Done::new(user.id, json!({})))
    }
}
