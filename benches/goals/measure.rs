//! Interleaved rounds: in each one the case, the case that it is compared with and the loops of the floor run in turn,
//! so that a change of the machine's speed changes all of them. Figures are medians over the rounds, ratios medians of
//! the ratios of each round.

use crate::case::Case;
use crate::clock::{cpu_time, wall_time};
use crate::floor::Stores;
use crate::pages::PageSize;
use crate::problem::{Problem, problem};
use crate::table::{Goal, Row};
use segloss::cpu::force;

#[derive(Clone, Debug)]
pub struct Outcome {
    /// Nanoseconds per voxel of the case and of its memory floor.
    pub nanoseconds: f64,
    pub floor: f64,
    /// Time relative to the floor.
    pub over_floor: f64,
    /// The ratio that a goal other than nanoseconds and the floor bounds; with two threads the speedup.
    pub ratio: Option<f64>,
    /// The largest of the ratios to the goals: they are met up to 1.
    pub over_goal: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    This,
    Compared,
    Floor(Stores),
    ReadField,
}

/// A problem and its case.
struct Ready {
    case: Case,
    problem: Box<dyn Problem>,
}

impl Ready {
    /// Makes the arrays and checks the result.
    fn new(case: Case, size: PageSize) -> Result<Self, String> {
        let mut problem = problem(case, size);
        force(case.level);
        problem.check()?;
        Ok(Self { case, problem })
    }

    /// Seconds per element of the logits.
    fn time(&mut self, work: Work, clock: fn() -> f64) -> f64 {
        // Asks the CPU for its features, which takes a virtual machine microseconds.
        force(self.case.level);
        let elements = self.case.elements();
        let calls = (8_000_000 / elements).max(1);
        if self.case.threads == 2 {
            // Wakes the second thread.
            self.call(work, 1);
        }
        let start = clock();
        self.call(work, calls);
        (clock() - start) / (calls * elements) as f64
    }

    fn call(&mut self, work: Work, calls: usize) {
        match work {
            Work::This | Work::Compared => {
                self.problem.run(calls);
            }
            Work::Floor(stores) => self.problem.floor(calls, stores),
            Work::ReadField => self.problem.read_field(calls),
        }
    }
}

/// Checks the answers of a row only.
pub fn check(row: &Row, size: PageSize) -> Result<(), String> {
    row.compared.map(|(_, case)| Ready::new(case, size)).transpose()?;
    Ready::new(row.case, size).map(|_| ())
}

pub fn measure(row: &Row, rounds: usize, size: PageSize) -> Result<Outcome, String> {
    let mut this = Ready::new(row.case, size)?;
    let mut compared = row.compared.map(|(_, case)| Ready::new(case, size)).transpose()?;
    let mut works = vec![Work::This, Work::Floor(Stores::Regular)];
    if this.case.elements() > 1 << 20 {
        // Smaller arrays stay in the caches, which non-temporal stores bypass.
        works.push(Work::Floor(Stores::NonTemporal));
    }
    works.extend(compared.is_some().then_some(Work::Compared));
    works.extend(row.goals.iter().any(|goal| matches!(goal, Goal::Field(_))).then_some(Work::ReadField));
    let clock = if this.case.threads == 1 { cpu_time } else { wall_time };
    let mut times = vec![vec![]; works.len()];
    // The first round warms up.
    for round in 0..=rounds {
        for (&work, times) in works.iter().zip(&mut times) {
            let ready = match (work, &mut compared) {
                (Work::Compared, Some(compared)) => compared,
                _ => &mut this,
            };
            let time = ready.time(work, clock);
            if round > 0 {
                times.push(time);
            }
        }
    }
    Ok(outcome(row, &works, &times))
}

fn outcome(row: &Row, works: &[Work], times: &[Vec<f64>]) -> Outcome {
    let of = |work: Work| works.iter().position(|&other| other == work).map(|k| &times[k]);
    let [this, regular] =
        [Work::This, Work::Floor(Stores::Regular)].map(|work| of(work).expect("always timed"));
    let faster = |other: &&Vec<f64>| median(other) < median(regular);
    let floor = of(Work::Floor(Stores::NonTemporal)).filter(faster).unwrap_or(regular);
    let compared = of(Work::Compared);
    let per_voxel = row.case.shape[1] as f64 * 1e9;
    let over_floor = median(&each(this, floor, |this, floor| this / floor));
    let mut ratio = None;
    let mut over_goal = 0f64;
    for goal in &row.goals {
        let over = match (*goal, compared) {
            (Goal::Nanoseconds(most), _) => median(this) * per_voxel / most,
            (Goal::Floor(most), _) => over_floor / most,
            (Goal::Compared(most), Some(compared)) => {
                *ratio.insert(median(&each(this, compared, |this, other| this / other))) / most
            }
            (Goal::Field(most), Some(compared)) => {
                let reading = of(Work::ReadField).expect("timed for this goal");
                let added = each(this, compared, |this, other| this - other);
                *ratio.insert(median(&each(&added, reading, |added, reading| added / reading))) / most
            }
            (Goal::Threads { speedup, floor: most }, Some(compared)) => {
                // Another process on one of the CPUs delays both threads: the least time is that of a round without.
                let both = least(this);
                let faster = *ratio.insert(least(compared) / both);
                (speedup / faster).min(both / least(floor) / most)
            }
            (_, None) => unreachable!("a ratio has a case to compare with"),
        };
        over_goal = over_goal.max(over);
    }
    let of_rounds = if row.case.threads == 1 { median } else { least };
    let [nanoseconds, floor_time] = [this, floor].map(|times| of_rounds(times) * per_voxel);
    let over_floor = if row.case.threads == 1 { over_floor } else { nanoseconds / floor_time };
    Outcome { nanoseconds, floor: floor_time, over_floor, ratio, over_goal }
}

fn each(a: &[f64], b: &[f64], of: fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(&a, &b)| of(a, b)).collect()
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}
