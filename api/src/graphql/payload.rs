//! What mutations come to.

/// Makes the payloads of mutations that give one thing: it, and what to mend where it was refused.
macro_rules! payloads {
    ($($Payload:ident = $mutation:literal, $field:ident: $Node:ty, $what:literal;)*) => {$(
        #[doc = concat!("What `", $mutation, "` came to.")]
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $Payload {
            #[doc = concat!($what, "; null when it was refused.")]
            $field: Option<$Node>,
            /// What to mend.
            user_errors: Vec<crate::graphql::error::UserError>,
        }
    )*};
}

pub(super) use payloads;
