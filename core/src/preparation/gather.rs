//! Events in whatever order a file has them: gathered by user while memory lasts,
//! then spilled in sorted runs. A run holds users in part; parts are joined when
//! the runs are merged.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::builder::Builder;
use super::user::User;
use crate::event::line::Line;
use crate::event::{EventType, StoredEvent, UserId};
use crate::features::Transaction;

/// Transactions that go to their users together. One at a time, each would wait for the
/// memory that its user lies in; together, they wait at the same time.
const TOGETHER: usize = 128;

/// Fills a [`Builder`] with single events.
#[derive(Debug)]
pub struct Gather {
    builder: Builder,
    users: Vec<User>,
    /// Where each user is among them.
    places: HashMap<UserId, usize>,
    /// Transactions on their way to their users.
    waiting: Vec<(UserId, Transaction)>,
    /// What the gathered users take in memory, with the room that they have left to grow.
    bytes: usize,
}

impl Gather {
    /// Into an empty builder.
    pub fn new(builder: Builder) -> Self {
        Self {
            builder: builder.joining(),
            users: Vec::new(),
            places: HashMap::new(),
            waiting: Vec::with_capacity(TOGETHER),
            bytes: 0,
        }
    }

    /// Takes an event that is read in place, as of `now`; answers whether it did.
    /// It takes transactions: of other types it wants the [`StoredEvent`].
    pub fn add_line(&mut self, line: &Line<'_>, now: DateTime<Utc>) -> bool {
        if line.data.schema.event_type != EventType::TransactionCreation.name() {
            return false;
        }
        let transaction = Transaction::of_line(line, now, self.builder.times());
        if let Some(transaction) = self.builder.keep_failure(transaction) {
            self.waiting.push((line.user, transaction));
            if self.waiting.len() == TOGETHER {
                self.seat();
            }
        }
        true
    }

    /// Takes an event of any type.
    pub fn add(&mut self, stored: &StoredEvent) {
        let (times, reads) = (self.builder.times(), self.builder.reads());
        let place = self.place(stored.event.user);
        let added = self.users[place].add(stored, times, reads);
        if let Some(bytes) = self.builder.keep_failure(added) {
            self.bytes += bytes;
            self.make_room();
        }
    }

    /// Takes those that wait to their users.
    fn seat(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        let places: [usize; TOGETHER] =
            std::array::from_fn(|at| waiting.get(at).map_or(0, |(user, _)| self.place(*user)));
        for ((_, transaction), place) in waiting.drain(..).zip(places) {
            self.bytes += self.users[place].push(transaction);
        }
        self.waiting = waiting;
        self.make_room();
    }

    fn place(&mut self, user: UserId) -> usize {
        *self.places.entry(user).or_insert_with(|| {
            self.bytes += size_of::<(UserId, usize, User)>();
            self.users.push(self.builder.user(user));
            self.users.len() - 1
        })
    }

    fn make_room(&mut self) {
        if self.bytes > self.builder.memory() {
            self.hand_over();
            self.builder.spill_held();
        }
    }

    fn hand_over(&mut self) {
        self.places.clear();
        for mut user in self.users.drain(..) {
            user.order();
            self.builder.hold(user);
        }
        self.bytes = 0;
    }

    /// The builder, with all events in it.
    pub fn finish(mut self) -> Builder {
        self.seat();
        self.hand_over();
        self.builder
    }
}
