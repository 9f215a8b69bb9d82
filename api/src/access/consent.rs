//! Consent under 42 CFR Part 2, as a SQL condition that is built here and run by the store.

use entity::{
    consent_flow::{Column, Entity},
    vocabulary::{DataClass, OrganizationKind, PurposeOfUse, RecipientClass},
};
use sea_orm::{
    Condition, ExprTrait,
    sea_query::{Expr, Query, SelectStatement},
};

use super::Access;

/// Whose consent is asked for, and who would tell.
#[derive(Clone, Debug)]
pub struct Disclosing {
    /// The client's own rows, in the organizations that may have recorded the consent.
    pub clients: Vec<Expr>,
    /// The organization that holds what is asked for.
    pub discloser: Expr,
    /// When a consent counts that the discloser neither recorded nor confirmed; otherwise never.
    pub unconfirmed: Option<Expr>,
}

/// The classes of recipients that a kind of organization belongs to (42 CFR 2.31(a)(4)). Together with the referral that everything
/// else asks for, this is the relation on record that domain 3.3 wants; payers and plans have none yet.
pub fn recipient_classes(kind: Option<OrganizationKind>) -> &'static [RecipientClass] {
    match kind {
        Some(OrganizationKind::TreatmentProvider) => &[RecipientClass::TreatingProviders],
        _ => &[],
    }
}

/// The directions of consents that hold at the caller's time and name the caller's organization, by its id or its class.
fn to_caller(access: &Access) -> Option<Condition> {
    let own = access.organization?;
    let flow = |column| Expr::col((Entity, column));
    let by_class = flow(Column::RecipientClass).is_in(recipient_classes(access.organization_kind).iter().copied());
    let named = Condition::any().add(flow(Column::RecipientId).eq(own)).add(by_class);
    let lasts = Condition::any().add(flow(Column::ExpiresAt).is_null()).add(flow(Column::ExpiresAt).gt(access.now));
    Some(Condition::all().add(named).add(lasts).add(flow(Column::EndedAt).is_null()))
}

/// The directions that hold, name the caller's organization and cover this purpose. An emergency rests on no consent: see
/// [`emergency`](super::emergency).
pub fn flows_to(access: &Access, purpose: PurposeOfUse) -> Option<Condition> {
    if purpose == PurposeOfUse::Emergency {
        return None;
    }
    let purposes = Expr::col((Entity, Column::Purposes)).bit_and(purpose.bit()).ne(0);
    Some(to_caller(access)?.add(purposes))
}

/// Whether a consent covers a class of a row for the caller's organization and the purpose that the caller named. Nothing when it
/// cannot: no organization, or no purpose.
pub fn covers(access: &Access, class: DataClass, of: Disclosing) -> Option<Condition> {
    let flow = |column| Expr::col((Entity, column));
    // A purpose binds who is told, and not the person: they read whatever their organization may be told for any.
    let flows = if access.is_oneself() { to_caller(access)? } else { flows_to(access, access.purpose?)? };
    let confirmed = Condition::any().add(flow(Column::Confirmed).eq(true)).add_option(of.unconfirmed);
    let mut select: SelectStatement = Query::select();
    select
        .expr(Expr::val(1))
        .from(Entity)
        .and_where(flow(Column::ClientId).is_in(of.clients))
        .and_where(flow(Column::DiscloserId).eq(of.discloser))
        .and_where(flow(Column::DataClasses).bit_and(class.bit()).ne(0))
        .cond_where(flows)
        .cond_where(confirmed)
        // Keeps PostgreSQL from making one plan over the whole table of what is asked of one row.
        .limit(1)
        .offset(0);
    Some(Condition::all().add(Expr::exists(select)))
}
