//! What opens, renews and ends sessions, in any order and at once.
//!
//! Each round takes a few random steps one after the other, then some at the same time. Whatever the database made of the latter must be
//! what the model makes of them in *some* order: told the same, and looking the same afterwards.

mod model;

use std::{sync::Arc, time::Duration};

use portico_domain::{
    models::{Timestamp, UserId},
    ports::PasswordChange,
};
use tokio::sync::Barrier;

use self::model::{Model, Seen, Step, Told, take};
use crate::{
    Case, cases,
    world::{DriverKind, Opened, World, at, hash},
};

pub(crate) const CASES: &[Case<World>] = cases![steps_at_once_are_steps_in_some_order];

/// A small generator of numbers; its seed names a round.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// Two moments, one within the grace after most renewals and one past it.
const SOON: i64 = 100;
const LATE: i64 = 120;

/// The sessions and tokens of one round.
struct Cast {
    user: UserId,
    sessions: Vec<Opened>,
    tokens: Vec<Opened>,
    steps: u64,
    passwords: usize,
}

impl Cast {
    fn new(user: UserId) -> Self {
        let sessions: Vec<Opened> = [10, 110].map(|second| Opened::new(user, at(second))).to_vec();
        let tokens = sessions
            .iter()
            .flat_map(|first| {
                let (soon, late) = (first.renewed(at(SOON)), first.renewed(at(LATE)));
                [*first, soon, late, soon.renewed(at(LATE)), late.renewed(at(LATE))]
            })
            .collect();
        Self { user, sessions, tokens, steps: 0, passwords: 0 }
    }

    /// A moment of its own for each step, within the same second, so that equal renewals give equal tokens.
    fn moment(&mut self, dice: &mut Dice) -> Timestamp {
        self.steps += 1;
        at(*dice.pick(&[SOON, SOON, LATE])).after(Duration::from_micros(self.steps))
    }

    fn step(&mut self, dice: &mut Dice) -> Step {
        let moment = self.moment(dice);
        let session = *dice.pick(&self.sessions);
        match dice.roll(12) {
            0..2 => Step::Record(session),
            2..7 => Step::Rotate(dice.pick(&self.tokens).presented(moment)),
            7 => Step::Revoke(session.0.session, moment),
            8 => Step::End(session.0.session, moment),
            9 => Step::EndAll(*dice.pick(&[moment, at(50)])),
            _ => {
                // Mostly from the hash that stands, sometimes from one that is gone.
                let from = self.passwords.saturating_sub(usize::from(dice.roll(4) == 0));
                self.passwords += 1;
                Step::Change(PasswordChange {
                    user_id: self.user,
                    from: password(from),
                    to: password(self.passwords),
                    keep: (dice.roll(3) > 0).then_some(session.0.session),
                    at: moment,
                })
            }
        }
    }
}

fn password(number: usize) -> portico_domain::models::PasswordHash {
    if number == 0 { hash("first") } else { hash(&number.to_string()) }
}

async fn steps_at_once_are_steps_in_some_order(world: World) {
    let rounds = match world.kind {
        DriverKind::Sqlite | DriverKind::Postgres => 800,
        DriverKind::Hyperdrive | DriverKind::NeonHttp => 60,
    };
    for seed in 0..rounds {
        round(&world, seed).await;
    }
}

async fn round(world: &World, seed: u64) {
    let mut dice = Dice(seed);
    let user = world.person().await.id;
    let mut cast = Cast::new(user);
    let mut model = Model::new();

    let mut before = Vec::new();
    for _ in 0..dice.roll(6) {
        let step = cast.step(&mut dice);
        let told = take(world, step.clone(), user).await;
        before.push(step.clone());
        assert_eq!(told, model.take(&step), "seed {seed}: {before:?}");
    }

    let together: Vec<Step> = (0..2 + dice.roll(3)).map(|_| cast.step(&mut dice)).collect();
    let start = Arc::new(Barrier::new(together.len()));
    let running: Vec<_> = together
        .iter()
        .map(|step| {
            let (world, step, start) = (world.clone(), step.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                take(&world, step, user).await
            })
        })
        .collect();
    let mut told = Vec::new();
    for step in running {
        told.push(step.await.unwrap());
    }
    let seen = look(world, user).await;

    let mut explaining: Vec<Model> = Vec::new();
    for order in orders(together.len()) {
        let mut possible = model.clone();
        let same = order.iter().all(|&place| possible.take(&together[place]) == told[place]);
        if same && possible.seen(now()) == seen {
            explaining.push(possible);
        }
    }
    assert!(
        !explaining.is_empty(),
        "seed {seed}: after {before:?}, no order of {together:?} tells {told:?} and looks like {seen:?}"
    );

    // What can't be seen at once shows in what every token is worth afterwards.
    let mut probes = Vec::new();
    for token in cast.tokens.clone() {
        let step = Step::Rotate(token.presented(cast.moment(&mut dice)));
        let told: Told = take(world, step.clone(), user).await;
        explaining.retain_mut(|model| model.take(&step) == told);
        probes.push((step, told));
        assert!(
            !explaining.is_empty(),
            "seed {seed}: after {before:?} and, at once, {together:?}, telling {told:?}, no order explains {probes:?}",
            told = told_of(&probes)
        );
    }
}

fn told_of(probes: &[(Step, Told)]) -> Vec<&Told> {
    probes.iter().map(|(_, told)| told).collect()
}

fn now() -> Timestamp {
    at(LATE + 5)
}

async fn look(world: &World, user: UserId) -> Seen {
    let credential = world.repositories.accounts.credential(user).await.unwrap().unwrap();
    let live = world.live(&credential.user, now()).await.into_iter().collect();
    Seen { live, hash: credential.password_hash.unwrap() }
}

/// All orders of so many places.
fn orders(places: usize) -> Vec<Vec<usize>> {
    if places == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(places - 1);
    let with = |order: &Vec<usize>, at: usize| {
        let mut longer = order.clone();
        longer.insert(at, places - 1);
        longer
    };
    shorter.iter().flat_map(|order| (0..places).map(move |at| with(order, at))).collect()
}
