use crate::{
    models::{EmailHolder, User, UserId},
    ports::IdentityStanding,
};

/// What to do with somebody who comes from a provider with a verified e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkDecision {
    /// They are known: sign them in.
    SignIn(User),
    /// The identity joins this account, then they are signed in to it.
    Link(UserId),
    /// They are new: make an account.
    Create,
    /// The address belongs to an account that nobody has shown to be theirs. Its owner can sign in there and link from inside.
    RefuseEmailHeld,
    /// The identity belongs to another account than the one that asked to link it.
    RefuseIdentityHeld,
    /// They are new, and nobody may register.
    RefuseSignupClosed,
}

/// The linking rule, whole.
///
/// Two scenarios shape it. *Somebody registers the victim's address with a password first, and waits:* were the victim's GitHub sign-in linked to that
/// account by its address alone, the attacker would share it. So an account whose address Portico has not verified is joined only from inside,
/// by `asked_by`. *An address changes hands at the provider:* an account that has an identity of this provider already is never given a second one by
/// address.
#[must_use]
pub fn decide_link(standing: IdentityStanding, asked_by: Option<UserId>, signup_open: bool) -> LinkDecision {
    match (standing.linked, asked_by) {
        (Some(user), None) => LinkDecision::SignIn(user),
        (Some(user), Some(asker)) if user.id == asker => LinkDecision::SignIn(user),
        (Some(_), Some(_)) => LinkDecision::RefuseIdentityHeld,
        (None, Some(asker)) => LinkDecision::Link(asker),
        (None, None) => match standing.email_holder {
            Some(EmailHolder { user_id, email_verified: true, has_identity: false, .. }) => {
                LinkDecision::Link(user_id)
            }
            Some(_) => LinkDecision::RefuseEmailHeld,
            None if signup_open => LinkDecision::Create,
            None => LinkDecision::RefuseSignupClosed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::testing::{claims, user};

    fn holder(has_password: bool, email_verified: bool, has_identity: bool) -> EmailHolder {
        EmailHolder { user_id: user().id, has_password, email_verified, has_identity }
    }

    fn decide(
        linked: bool,
        email_holder: impl Into<Option<EmailHolder>>,
        asked: bool,
        open: bool,
    ) -> LinkDecision {
        let standing = IdentityStanding { linked: linked.then(user), email_holder: email_holder.into() };
        decide_link(standing, asked.then(|| claims().user_id), open)
    }

    #[test]
    fn a_known_identity_signs_in_also_when_sign_up_is_closed_and_the_address_is_held() {
        assert_eq!(decide(true, None, false, false), LinkDecision::SignIn(user()));
        assert_eq!(decide(true, holder(true, false, true), false, true), LinkDecision::SignIn(user()));
    }

    #[test]
    fn an_unverified_address_is_never_joined_from_outside() {
        for has_password in [true, false] {
            for has_identity in [true, false] {
                let holder = holder(has_password, false, has_identity);
                assert_eq!(decide(false, holder, false, true), LinkDecision::RefuseEmailHeld);
            }
        }
    }

    #[test]
    fn a_verified_address_is_joined_once() {
        assert_eq!(decide(false, holder(true, true, false), false, true), LinkDecision::Link(user().id));
        assert_eq!(decide(false, holder(false, true, true), false, true), LinkDecision::RefuseEmailHeld);
    }

    #[test]
    fn from_inside_the_owner_consents() {
        assert_eq!(decide(false, holder(true, false, false), true, false), LinkDecision::Link(user().id));
        assert_eq!(decide(true, None, true, false), LinkDecision::SignIn(user()));
        let other = User { id: UserId::from_uuid(uuid::Uuid::from_u128(1)), ..user() };
        let standing = IdentityStanding { linked: Some(other), email_holder: None };
        assert_eq!(decide_link(standing, Some(user().id), true), LinkDecision::RefuseIdentityHeld);
    }

    #[test]
    fn a_stranger_registers_only_while_sign_up_is_open() {
        assert_eq!(decide(false, None, false, true), LinkDecision::Create);
        assert_eq!(decide(false, None, false, false), LinkDecision::RefuseSignupClosed);
    }
}
