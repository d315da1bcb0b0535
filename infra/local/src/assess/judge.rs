//! Judging files of events as the service would judge them once they were sent:
//! what it would refuse is left out, and so is an event that came before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use learning_core::dataset::spec::Role;
use learning_core::event::envelope::{self, Intake};
use learning_core::event::identity::{ContentDigest, Occurrences};
use learning_core::event::{EventId, Fault, FaultCode, StoredEvent, UserId, decode, line};
use learning_core::quality::{Judgement, QualityState, Record, Rules, Trace};

use super::blocks::{self, Block, Input};
use super::recent::Recent;
use super::traces::{Kept, PARTS, Traces};

/// What is found in the files.
#[derive(Debug, Default)]
pub struct Findings {
    pub lines: u64,
    /// Lines that the service would refuse, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Where the first refused lines stand.
    pub refused_at: Vec<String>,
    /// Events that came before.
    pub repeated: u64,
    /// Those of them whose content is another than that of the first.
    pub differing: Differing,
    /// Lines with an object that has a key twice; the last value counts.
    pub duplicate_keys: u64,
    /// Accepted, but no records of any dataset that was asked for.
    pub other: u64,
    pub judgements: Vec<(Dataset, Judgement)>,
    /// The records that fail the rule which was asked for.
    pub failing: Vec<EventId>,
}

impl Findings {
    pub fn refused_lines(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Events that repeat the id of another and have other content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differing {
    pub events: u64,
    /// The first few of their ids, by where they stand.
    pub examples: BTreeMap<u64, EventId>,
}

impl Differing {
    const EXAMPLES: usize = 5;

    fn add(&mut self, position: u64, event: EventId) {
        self.merge(Self { events: 1, examples: BTreeMap::from([(position, event)]) });
    }

    fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.examples.extend(other.examples);
        while self.examples.len() > Self::EXAMPLES {
            self.examples.pop_last();
        }
    }
}

/// How files are judged.
#[derive(Debug)]
pub struct Judge<'a> {
    pub settings: &'a Settings,
    pub datasets: Vec<Dataset>,
    /// As of when no event may lie ahead.
    pub now: DateTime<Utc>,
    pub threads: usize,
    /// A rule whose failing records are listed.
    pub failing: Option<&'a str>,
}

/// Where events that come more than once come first.
type Positions = HashMap<(UserId, EventId), u64>;

/// Events that come more than once, of which one each is judged.
struct Repeated {
    first: Positions,
    /// Those that were judged. Which of several events without an id bears which number
    /// depends on the threads; they are equal.
    judged: Mutex<HashSet<(UserId, EventId)>>,
    differing: Differing,
}

impl Repeated {
    fn is_repetition(&self, record: &Record<'_>, position: u64, derived: bool) -> bool {
        let event = (record.user, record.id);
        match self.first.get(&event) {
            None => false,
            Some(first) if !derived && *first != position => true,
            Some(_) => !self.judged.lock().expect("no reader panics").insert(event),
        }
    }
}

/// Contents without an id that are counted per file: some 200 MB. Beyond them, equal
/// events of a file are repetitions.
const MAX_CONTENTS: usize = 4_000_000;

/// How repetitions are known before they are judged.
enum Early<'a> {
    Noticed(Recent),
    Known(&'a Repeated),
}

/// Among the bits of [`Kept::datasets`]: it seems to repeat another event, and was
/// not judged.
const SET_ASIDE: u32 = 1 << 31;

/// What one worker knows.
struct Part {
    states: Vec<QualityState>,
    findings: Findings,
}

impl Judge<'_> {
    /// Judges the files. Where events are repeated, the first counts. A repetition
    /// that follows soon is noticed and set aside; where one was judged all the same,
    /// which is known at the end, the files are judged once more.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn judge(&self, inputs: &[Input]) -> Result<Findings> {
        match self.pass(inputs, None)? {
            Ok(findings) => Ok(findings),
            Err(repeated) => {
                self.pass(inputs, Some(&repeated))?.map_err(|_| anyhow!("the files change while they are read"))
            }
        }
    }

    fn pass(&self, inputs: &[Input], repeated: Option<&Repeated>) -> Result<Result<Findings, Repeated>> {
        let occurrences: Vec<_> = inputs.iter().map(|_| Mutex::new(Occurrences::bounded(MAX_CONTENTS))).collect();
        let traces = Traces::new();
        let early = repeated.map_or_else(|| Early::Noticed(Recent::new()), Early::Known);
        let read =
            blocks::read(inputs, self.threads, |blocks| self.read(inputs, blocks, &traces, &early, &occurrences))?;
        let next = AtomicUsize::new(0);
        let together = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.threads).map(|_| scope.spawn(|| self.among_records(&traces, &next))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().expect("a worker does not panic"))
                .collect::<Result<Vec<_>>>()
        })?;
        if together.iter().any(|part| part.misjudged) {
            let (mut first, mut differing) = (Positions::new(), Differing::default());
            for part in together {
                first.extend(part.repeated);
                differing.merge(part.differing);
            }
            return Ok(Err(Repeated { first, judged: Mutex::default(), differing }));
        }
        // A second pass leaves repetitions out before their content is compared.
        let differing = repeated.map(|repeated| repeated.differing.clone()).unwrap_or_default();
        let mut findings = Findings { differing, ..Findings::default() };
        let mut states = self.states();
        for part in read {
            merge(&mut states, part.states);
            findings.lines += part.findings.lines;
            findings.repeated += part.findings.repeated;
            findings.other += part.findings.other;
            findings.duplicate_keys += part.findings.duplicate_keys;
            findings.refused_at.extend(part.findings.refused_at);
            for (reason, count) in part.findings.refused {
                *findings.refused.entry(reason).or_default() += count;
            }
        }
        for part in together {
            findings.repeated += part.repetitions;
            findings.differing.merge(part.differing);
            merge(&mut states, part.states);
        }
        let judged = self.datasets.iter().zip(&states);
        findings.judgements =
            judged.filter_map(|(dataset, state)| Some((*dataset, state.finish(&self.settings.weights)?))).collect();
        if let Some(rule) = self.failing {
            findings.failing =
                states.iter().filter_map(|state| state.failing(rule)).flatten().map(|one| one.event).collect();
        }
        Ok(Ok(findings))
    }

    fn states(&self) -> Vec<QualityState> {
        let rules = |dataset| {
            let rules = Rules::new(dataset, self.settings);
            if self.failing.is_some() { rules.listing(usize::MAX, None) } else { rules }
        };
        self.datasets.iter().map(|dataset| QualityState::new(rules(*dataset))).collect()
    }

    /// What each record says by itself.
    fn read(
        &self,
        inputs: &[Input],
        blocks: &Mutex<Receiver<Block>>,
        traces: &Traces,
        early: &Early<'_>,
        occurrences: &[Mutex<Occurrences>],
    ) -> Result<Part> {
        let intake = Intake { now: self.now, limits: self.settings.limits, privacy: self.settings.privacy.clone() };
        let mut part = Part { states: self.states(), findings: Findings::default() };
        let mut writer = traces.writer();
        while let Some(block) = blocks::next(blocks) {
            for (place, (number, line)) in block.records().enumerate() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                part.findings.lines += 1;
                let position = u64::from(block.number) << 32 | place as u64;
                let stored;
                let mut derived = false;
                let record = match line::read(line, &intake) {
                    Some(line) => Some(Record::of_line(line, self.now)),
                    None => match slow_path(number, line, &intake, |content| {
                        derived = true;
                        next_id(&occurrences[block.input], content)
                    }) {
                        Ok((event, has_duplicate_keys)) => {
                            part.findings.duplicate_keys += u64::from(has_duplicate_keys);
                            stored = event;
                            Record::of(&stored)
                        }
                        Err(fault) => {
                            if part.findings.refused_at.len() < 5 {
                                let name = &inputs[block.input].name;
                                part.findings.refused_at.push(format!("{name}:{number}: {}", fault.message));
                            }
                            *part.findings.refused.entry(reason(fault)).or_default() += 1;
                            continue;
                        }
                    },
                };
                let Some(record) = record else {
                    part.findings.other += 1;
                    continue;
                };
                let interaction = record.text("interaction_type");
                let fed =
                    |dataset: &Dataset| dataset.role_of(record.schema.event_type, interaction) == Some(Role::Record);
                let mut datasets =
                    (0..).zip(&self.datasets).filter(|(_, dataset)| fed(dataset)).fold(0, |all, (n, _)| all | 1 << n);
                if datasets == 0 {
                    part.findings.other += 1;
                    continue;
                }
                match early {
                    Early::Known(repeated) if repeated.is_repetition(&record, position, derived) => {
                        part.findings.repeated += 1;
                        continue;
                    }
                    Early::Noticed(recent) if recent.has_seen(record.user, record.id) => datasets |= SET_ASIDE,
                    _ => {}
                }
                if datasets & SET_ASIDE == 0 {
                    let states = part.states.iter_mut().enumerate().filter(|(place, _)| datasets & 1 << place != 0);
                    states.for_each(|(_, state)| state.observe(&record));
                }
                writer.write(&Kept { trace: record.trace(), position, datasets })?;
            }
        }
        writer.finish()?;
        Ok(part)
    }

    /// What records say together with the others of their user.
    fn among_records(&self, traces: &Traces, next: &AtomicUsize) -> Result<Together> {
        let mut together = Together { states: self.states(), ..Together::default() };
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= PARTS {
                return Ok(together);
            }
            for user in traces.sorted(part)?.chunk_by(|one, other| one.trace.user == other.trace.user) {
                together.find_repeated(user);
                for (place, state) in together.states.iter_mut().enumerate() {
                    let own = user.iter().filter(|kept| kept.datasets & (SET_ASIDE | 1 << place) == 1 << place);
                    let mut own: Vec<_> = own.map(|kept| kept.trace).collect();
                    if !own.is_empty() {
                        state.observe_traces(&mut own);
                    }
                }
            }
        }
    }
}

/// Reads an event as the service does; also whether it has a key twice.
fn slow_path(
    line: u64,
    text: &[u8],
    intake: &Intake,
    new_id: impl FnOnce(ContentDigest) -> EventId,
) -> Result<(StoredEvent, bool), Fault> {
    let json = decode::Record::of_line(line, text).json()?;
    match envelope::read(json.value, intake, new_id) {
        Ok(admitted) => Ok((StoredEvent::new(admitted.event, intake.now), !json.duplicate_keys.is_empty())),
        Err(faults) => {
            Err(faults.into_iter().next().unwrap_or_else(|| Fault::new(&[], FaultCode::Unforeseen, "rejected")))
        }
    }
}

/// Why a line would be rejected, the same for all lines with the same problem.
fn reason(fault: Fault) -> String {
    match fault.code {
        FaultCode::InvalidFormat if fault.loc.is_empty() => "this is not JSON".to_owned(),
        FaultCode::WrongEncoding => "this is not UTF-8".to_owned(),
        _ => fault.message,
    }
}

/// The id of the next event of this content in a file.
fn next_id(occurrences: &Mutex<Occurrences>, content: ContentDigest) -> EventId {
    let mut occurrences = occurrences.lock().expect("no reader panics");
    let id = occurrences.next_id(content);
    occurrences.commit();
    id
}

#[derive(Default)]
struct Together {
    states: Vec<QualityState>,
    /// Events that come more than once.
    repeated: Positions,
    /// How often they come after the first time.
    repetitions: u64,
    /// Whether of some event not the first, and only the first, was judged.
    misjudged: bool,
    differing: Differing,
}

impl Together {
    fn find_repeated(&mut self, user: &[Kept]) {
        let mut events: Vec<_> = user.iter().map(|kept| (kept.trace.event, kept.position, kept)).collect();
        events.sort_unstable_by_key(|(event, position, _)| (*event, *position));
        for same in events.chunk_by(|one, other| one.0 == other.0) {
            let (event, first_position, first) = same[0];
            let mut judged = same.iter().filter(|(_, _, kept)| kept.datasets & SET_ASIDE == 0);
            // Which of two equal ones it was does not matter.
            let rightly = match (judged.next(), judged.next()) {
                (Some((_, _, one)), None) => one.position == first_position || one.trace == first.trace,
                _ => false,
            };
            if same.len() > 1 || !rightly {
                self.repeated.insert((first.trace.user, event), first_position);
                self.repetitions += same.len() as u64 - 1;
                self.misjudged |= !rightly;
            }
            for (_, position, kept) in same.iter().skip(1) {
                if !has_equal_content(&kept.trace, &first.trace) {
                    self.differing.add(*position, event);
                }
            }
        }
    }
}

/// Whether two events of one id report the same.
fn has_equal_content(one: &Trace, other: &Trace) -> bool {
    (one.occurred_at, one.content, one.place) == (other.occurred_at, other.content, other.place)
}

fn merge(states: &mut [QualityState], others: Vec<QualityState>) {
    states.iter_mut().zip(others).for_each(|(state, other)| state.merge(other));
}
