//! The order of transactions that share an instant, or a day of which no time is
//! known: the order in which their balances chain, where there is one.
//!
//! Each transaction leads from the balance before it (`after` − `change`) to the
//! balance after it: an edge between two balances. An order that chains is a trail
//! through all edges. The edges are cut into as few trails as possible (Hierholzer's
//! algorithm, with one virtual edge between each two trails), which takes
//! O(n log n) for n transactions, however many orders there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rust_decimal::Decimal;

/// A transaction as its balances tell of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// What it adds to the balance: negative for a debit.
    pub change: Option<Decimal>,
    /// The balance after it.
    pub after: Option<Decimal>,
}

impl Step {
    fn before(&self) -> Option<Decimal> {
        self.after?.checked_sub(self.change?)
    }

    /// Whether it chains with a balance: within `tolerance`. A sum beyond what a
    /// decimal holds does not chain.
    pub fn follows(&self, balance: Decimal, tolerance: Decimal) -> bool {
        let difference = self.before().and_then(|before| before.checked_sub(balance));
        difference.is_some_and(|difference| difference.abs() <= tolerance)
    }
}

/// The order in which `steps`, after the balance `before` them, chain with the
/// fewest breaks that was found; the order that they have, where no other is
/// better. Steps without a balance come first: what they change nobody knows.
/// Balances are one where they are equal; trails are joined within `tolerance`.
pub fn order(before: Option<Decimal>, steps: &[Step], tolerance: Decimal) -> Vec<usize> {
    let (chained, mut order): (Vec<usize>, Vec<usize>) =
        (0..steps.len()).partition(|step| steps[*step].before().is_some());
    let given = breaks(before, chained.iter().map(|step| steps[*step]), tolerance);
    if given == 0 {
        order.extend(chained);
        return order;
    }
    let found = joined(before, trails(before, steps, &chained), steps, tolerance);
    let better = breaks(before, found.iter().map(|step| steps[*step]), tolerance) < given;
    order.extend(if better { found } else { chained });
    order
}

/// How often a step does not chain with the one before it.
fn breaks(before: Option<Decimal>, steps: impl Iterator<Item = Step>, tolerance: Decimal) -> usize {
    let mut balance = before;
    let mut breaks = 0;
    for step in steps {
        breaks += usize::from(balance.is_some_and(|balance| !step.follows(balance, tolerance)));
        balance = step.after;
    }
    breaks
}

/// The edges of a graph of balances, real ones and the virtual ones that make every
/// balance be left as often as it is reached.
struct Graph {
    /// Of each balance, the edges that leave it, the last to be taken first: the
    /// balance that an edge reaches, and its step, if it is a real one.
    leaving: Vec<Vec<(usize, Option<usize>)>>,
}

/// Cuts the edges of the steps `chained` into as few trails as possible.
fn trails(before: Option<Decimal>, steps: &[Step], chained: &[usize]) -> Vec<Vec<usize>> {
    let mut nodes = HashMap::<Decimal, usize>::new();
    let mut leaving: Vec<Vec<(usize, Option<usize>)>> = Vec::new();
    let mut surplus: Vec<i64> = Vec::new();
    let mut starts = Vec::new();
    let mut node = |balance: Decimal, leaving: &mut Vec<Vec<_>>, surplus: &mut Vec<i64>| {
        *nodes.entry(balance).or_insert_with(|| {
            leaving.push(Vec::new());
            surplus.push(0);
            leaving.len() - 1
        })
    };
    for step in chained {
        let (Some(from), Some(to)) = (steps[*step].before(), steps[*step].after) else { continue };
        let (from, to) = (node(from, &mut leaving, &mut surplus), node(to, &mut leaving, &mut surplus));
        leaving[from].push((to, Some(*step)));
        surplus[from] += 1;
        surplus[to] -= 1;
        starts.push(from);
    }
    if let Some(start) = before.and_then(|before| nodes.get(&before)) {
        starts.insert(0, *start);
    }
    for edges in &mut leaving {
        edges.reverse();
    }
    // A trail ends where more edges arrive than leave, and the next one begins where
    // more leave than arrive.
    let of = |sign: i64| {
        let units = |(node, surplus): (usize, &i64)| std::iter::repeat_n(node, (sign * *surplus).max(0) as usize);
        surplus.iter().enumerate().flat_map(units).collect::<Vec<_>>()
    };
    for (end, begin) in of(-1).into_iter().zip(of(1)) {
        // Taken last: a trail goes on as long as it can.
        leaving[end].insert(0, (begin, None));
    }
    let mut graph = Graph { leaving };
    starts.into_iter().flat_map(|start| graph.circuit(start)).collect()
}

impl Graph {
    /// Takes all edges that can be reached from a balance, in one circuit, and cuts it
    /// at the virtual ones.
    fn circuit(&mut self, start: usize) -> Vec<Vec<usize>> {
        let mut path = vec![(start, None)];
        let mut circuit = Vec::new();
        while let Some((node, arrived_by)) = path.last().copied() {
            match self.leaving[node].pop() {
                Some((to, step)) => path.push((to, Some(step))),
                None => {
                    circuit.extend(arrived_by);
                    path.pop();
                }
            }
        }
        circuit.reverse();
        // The circuit closes: what is before the first cut continues what is after the last.
        if let Some(cut) = circuit.iter().position(Option::is_none) {
            circuit.rotate_left(cut + 1);
        }
        let parts = circuit.split(Option::is_none);
        parts.map(|part| part.iter().flatten().copied().collect::<Vec<_>>()).filter(|part| !part.is_empty()).collect()
    }
}

/// Puts trails in an order: each time one that begins at the balance reached, else
/// the one whose first step comes first.
fn joined(before: Option<Decimal>, trails: Vec<Vec<usize>>, steps: &[Step], tolerance: Decimal) -> Vec<usize> {
    let mut by_start = BTreeMap::<Decimal, BTreeSet<usize>>::new();
    let mut waiting = BTreeMap::new();
    let first_of = |number: usize| trails[number].iter().min().copied();
    for (number, trail) in trails.iter().enumerate() {
        let Some(start) = steps[trail[0]].before() else { continue };
        by_start.entry(start).or_default().insert(number);
        waiting.insert(first_of(number), (start, number));
    }
    let mut order = Vec::new();
    let mut balance = before;
    while let Some((_, (start, number))) = waiting.first_key_value() {
        let (mut start, mut next) = (*start, *number);
        let near = balance.and_then(|balance| {
            let range = balance.checked_sub(tolerance)?..=balance.checked_add(tolerance)?;
            by_start.range(range).find_map(|(start, numbers)| Some((*start, *numbers.first()?)))
        });
        if let Some(near) = near {
            (start, next) = near;
        }
        if let Some(numbers) = by_start.get_mut(&start) {
            numbers.remove(&next);
            if numbers.is_empty() {
                by_start.remove(&start);
            }
        }
        waiting.remove(&first_of(next));
        order.extend_from_slice(&trails[next]);
        balance = trails[next].last().and_then(|last| steps[*last].after);
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

    fn step(change: i64, after: i64) -> Step {
        Step { change: Some(Decimal::new(change, 2)), after: Some(Decimal::new(after, 2)) }
    }

    fn breaks_of(before: Option<Decimal>, steps: &[Step], order: &[usize]) -> usize {
        let with_balance = order.iter().map(|at| steps[*at]).filter(|step| step.before().is_some());
        breaks(before, with_balance, CENT)
    }

    /// The fewest breaks of any order, by trying all.
    fn fewest(before: Option<Decimal>, steps: &[Step]) -> usize {
        fn rest(balance: Option<Decimal>, steps: &[Step], left: &mut Vec<usize>) -> usize {
            if left.is_empty() {
                return 0;
            }
            let mut fewest = usize::MAX;
            for at in 0..left.len() {
                let next = left.remove(at);
                let broken = usize::from(balance.is_some_and(|balance| !steps[next].follows(balance, CENT)));
                fewest = fewest.min(broken + rest(steps[next].after, steps, left));
                left.insert(at, next);
            }
            fewest
        }
        rest(before, steps, &mut (0..steps.len()).collect())
    }

    #[test]
    fn a_day_is_put_in_order() {
        // 10 → 7 → 12 → 2, in the order of random ids.
        let steps = [step(500, 1200), step(-1000, 200), step(-300, 700)];
        assert_eq!(order(Some(Decimal::new(1000, 2)), &steps, CENT), [2, 0, 1]);
        assert_eq!(order(None, &steps, CENT), [2, 0, 1]);
    }

    #[test]
    fn what_does_not_chain_keeps_its_order_and_what_has_no_balance_comes_first() {
        let steps = [step(1, 500), step(1, 900), Step { change: Some(CENT), after: None }, step(1, 100)];
        assert_eq!(order(None, &steps, CENT), [2, 0, 1, 3]);
    }

    #[test]
    fn a_day_of_one_balance_that_comes_again_and_again_is_no_work() {
        let steps: Vec<Step> = (0..50_000).map(|n| if n < 25_000 { step(100, 200) } else { step(-100, 100) }).collect();
        let found = order(Some(Decimal::new(100, 2)), &steps, CENT);
        assert_eq!(breaks_of(Some(Decimal::new(100, 2)), &steps, &found), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_day_that_chains_is_found_whatever_its_order(
            changes in proptest::collection::vec(-3i64..4, 1..40), keys in any::<u64>(),
        ) {
            let mut balance = 0;
            let mut steps: Vec<Step> = changes.iter().map(|change| { balance += 100 * change; step(100 * change, balance) }).collect();
            // Shuffled by a hash of the place.
            let mut places: Vec<usize> = (0..steps.len()).collect();
            places.sort_by_key(|place| (*place as u64 + 1).wrapping_mul(keys | 1));
            steps = places.into_iter().map(|place| steps[place]).collect();
            let found = order(Some(Decimal::ZERO), &steps, CENT);
            prop_assert_eq!(breaks_of(Some(Decimal::ZERO), &steps, &found), 0);
            let last = found.last().and_then(|last| steps[*last].after);
            prop_assert_eq!(last, Some(Decimal::new(balance, 2)));
            let mut all = found.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..steps.len()).collect::<Vec<_>>());
        }

        #[test]
        fn a_day_with_gaps_breaks_as_rarely_as_can_be(
            drawn in proptest::collection::vec((-2i64..3, -3i64..4), 1..7), start in proptest::option::of(-3i64..4),
        ) {
            let steps: Vec<Step> = drawn.iter().map(|(change, after)| step(100 * change, 100 * after)).collect();
            let before = start.map(|start| Decimal::new(100 * start, 2));
            let found = order(before, &steps, CENT);
            // A start that begins no trail may cost one more.
            let (found, fewest) = (breaks_of(before, &steps, &found), fewest(before, &steps));
            prop_assert!(found <= fewest + 1, "{} breaks, not {}", found, fewest);
            prop_assert!(before.is_some() || found == fewest, "{} breaks, not {}", found, fewest);
        }
    }
}
