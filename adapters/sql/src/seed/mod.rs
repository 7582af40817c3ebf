//! Plausible data for trying and measuring: the same at every run, and no more than is missing.
//!
//! What a row holds is a function of its number alone (`chance`), its identifier too. So a seeding that was killed goes on where it ended,
//! a second one finds everything there, a larger scale begins with all the rows of a smaller one, and two databases hold the same. Rows
//! are sent as JSON lists, a batch in one transaction: what is there is consistent at any moment (a chat's count, an order's sums). `COPY` would be
//! faster on Postgres, but passes over nothing that is there already, and is not what the drivers speak.
//!
//! | file | what it makes |
//! | --- | --- |
//! | `people` | accounts with their organizations, instances and API keys |
//! | `catalogue` | books and orders |
//! | `conversations` | chats, messages and events |
//! | `words`, `phrases` | names, titles, sentences |
//! | `load` | the batches, and how they get into a database |

mod catalogue;
mod chance;
mod conversations;
mod counts;
mod load;
mod people;
mod phrases;
mod words;

pub use self::{
    catalogue::book_id,
    conversations::owner,
    counts::{Counts, MOST, MOST_ROWS, ScaleRefused},
    load::{Family, Plan, Step, Written, analyze, has_other_users, seed},
    people::{PASSWORD, api_key, email, instance_id, organization_id, user_id},
};
