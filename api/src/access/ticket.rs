//! Tickets: whoever holds one reads, accepts and cancels the one registration that it names, without a token.

use data_encoding::BASE64URL_NOPAD;
use entity::RegistrationId;

use super::secret::{Purpose, Secrets};

/// What a ticket begins with.
const BEGINS: &str = "tkt_";

/// A ticket that was shown to be ours. It is derived from the registration, so that an answer that was lost can be given again; nothing
/// of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(RegistrationId);

impl Ticket {
    /// Reads a ticket; nothing when it is none of ours.
    pub fn read(secrets: &Secrets, text: &str) -> Option<Self> {
        let (id, proof) = text.strip_prefix(BEGINS)?.split_once('.')?;
        let ticket = Self(format!("reg_{id}").parse().ok()?);
        let proof: [u8; 32] = BASE64URL_NOPAD.decode(proof.as_bytes()).ok()?.try_into().ok()?;
        secrets.of(Purpose::Ticket).verify(&ticket.0.to_string(), Some(&proof)).then_some(ticket)
    }

    /// The ticket of a registration, for whoever is given it.
    pub fn write(secrets: &Secrets, of: RegistrationId) -> String {
        let id = of.to_string();
        let proof = secrets.of(Purpose::Ticket).hash(&id);
        format!("{BEGINS}{}.{}", id.trim_start_matches("reg_"), BASE64URL_NOPAD.encode(&proof))
    }

    /// The ticket of a registration whose guest is known by something else: by what was sent to their contact.
    pub(crate) const fn of(registration: RegistrationId) -> Self {
        Self(registration)
    }

    /// Which registration it opens.
    pub const fn registration(self) -> RegistrationId {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use entity::TypedId;

    use super::*;

    #[test]
    fn a_ticket_opens_its_registration_and_nothing_else_does() {
        let (secrets, other) = (Secrets::new(&[1; 32]), Secrets::new(&[2; 32]));
        let (id, another) = (RegistrationId::new(), RegistrationId::new());
        let ticket = Ticket::write(&secrets, id);
        assert_eq!(Ticket::read(&secrets, &ticket), Some(Ticket(id)));
        assert_eq!(Ticket::write(&secrets, id), ticket, "it is given again");
        let of_another = Ticket::write(&secrets, another);
        let mixed = format!("{}.{}", ticket.split_once('.').unwrap().0, of_another.split_once('.').unwrap().1);
        for wrong in ["", "tkt_", "tkt_.", &id.to_string(), &ticket.to_uppercase(), &ticket[..ticket.len() - 1], &mixed] {
            assert_eq!(Ticket::read(&secrets, wrong), None, "{wrong}");
        }
        assert_eq!(Ticket::read(&other, &ticket), None, "of another installation");
    }
}
