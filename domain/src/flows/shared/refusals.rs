//! How the refusals that many flows share become each flow's own.

/// Makes the limiter's refusals a flow's: its error has `Limited { retry_after }` and `Unavailable`.
macro_rules! from_gate {
    ($error:ty) => {
        impl From<crate::flows::shared::GateRefused> for $error {
            fn from(refused: crate::flows::shared::GateRefused) -> Self {
                use crate::flows::shared::GateRefused;
                match refused {
                    GateRefused::Limited { retry_after } => Self::Limited { retry_after },
                    GateRefused::Unavailable(unavailable) => Self::Unavailable(unavailable),
                }
            }
        }
    };
}

/// Makes the hasher's refusals a flow's: its error has `Overloaded { retry_after }` and `Unavailable`.
macro_rules! from_hashing {
    ($error:ty) => {
        impl From<crate::ports::HashingRefused> for $error {
            fn from(refused: crate::ports::HashingRefused) -> Self {
                use crate::ports::{HashingRefused, Unavailable};
                match refused {
                    HashingRefused::Overloaded { retry_after } => Self::Overloaded { retry_after },
                    HashingRefused::Failed(detail) => {
                        Self::Unavailable(Unavailable::new("password hashing", detail))
                    }
                }
            }
        }
    };
}

pub(crate) use {from_gate, from_hashing};
