//! Equal bits on every CPU level and with every executor.

use crate::at_level::Forced;
use crate::brute::{KINDS, fast_on, signed};
use crate::masks::{Random, masks};
use segloss::cpu::Level;
use segloss::distance::{Distance, Executor, Sequential};

/// Two threads; tasks alternate between them.
pub struct Two;

impl Executor for Two {
    fn workers(&self) -> usize {
        2
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..tasks).step_by(2).for_each(task));
            (1..tasks).step_by(2).for_each(task);
        });
    }
}

/// An incorrect executor: runs no task, or every second one from the last, or each task twice and some that do not
/// exist.
struct Incorrect(usize);

impl Executor for Incorrect {
    fn workers(&self) -> usize {
        5
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        match self.0 {
            0 => {}
            1 => (0..tasks).rev().step_by(2).for_each(task),
            _ => (0..2 * tasks).chain(0..tasks).for_each(task),
        }
    }
}

/// The bits of both outputs.
fn bits(request: &Distance<'_>, mask: &[bool], executor: &dyn Executor) -> (Vec<u32>, Vec<u64>) {
    let single = fast_on::<f32>(request, mask, executor).unwrap();
    let double = fast_on::<f64>(request, mask, executor).unwrap();
    (single.into_iter().map(f32::to_bits).collect(), double.into_iter().map(f64::to_bits).collect())
}

#[test]
fn every_level_has_the_same_bits() {
    let forced = Forced::alone();
    let levels: Vec<Level> = [Level::Avx2, Level::Avx512].into_iter().filter(|&l| forced.to(l)).collect();
    let mut random = Random(3);
    for shape in [&[70usize, 90] as &[usize], &[30, 40, 65], &[300, 300]] {
        for spacing in [[1.0; 3], [3.0, 0.7, 0.7], [0.3, 0.7, 0.9]] {
            for (what, voxels) in masks(shape, &mut random) {
                let request = signed(shape, &spacing[3 - shape.len()..]);
                let at = |level| {
                    assert!(forced.to(level));
                    bits(&request, &voxels, &Sequential)
                };
                let lowest = at(Level::Baseline);
                for &level in &levels {
                    assert!(at(level) == lowest, "{what} {level:?} {request:?}");
                }
            }
        }
    }
}

#[test]
fn every_executor_has_the_same_bits() {
    let mut random = Random(11);
    for shape in [&[20usize, 30, 70] as &[usize], &[90, 130], &[2, 400], &[300]] {
        for spacing in [[1.0; 3], [3.0, 0.7, 0.7]] {
            for (what, voxels) in masks(shape, &mut random) {
                for kind in KINDS {
                    let request = Distance { kind, ..signed(shape, &spacing[3 - shape.len()..]) };
                    let sequential = bits(&request, &voxels, &Sequential);
                    assert!(bits(&request, &voxels, &Two) == sequential, "{what} two threads {request:?}");
                    for incorrect in 0..3 {
                        let bits_of_incorrect = bits(&request, &voxels, &Incorrect(incorrect));
                        assert!(bits_of_incorrect == sequential, "{what} incorrect {incorrect} {request:?}");
                    }
                }
            }
        }
    }
}
