//! TopK by fraction in one pass over the prediction.
//!
//! ```text
//! sample      losses of one strip in 4 to 64     quantiles of the sample on both sides of the fraction: a bracket
//! one pass    losses of all voxels, stored       gradient of every voxel that may be selected: above the lower end
//! scan        the stored losses                  counts what is above the upper end, collects what is in the bracket
//! select      exactly, among the collected       clears the gradient of those that are not selected
//! sum         the stored losses                  value and weight of the selection
//! ```
//!
//! The bracket is four standard deviations wide on each side, and holds about a hundredth of the voxels. If it does not
//! hold the threshold, or holds too many voxels, the selection goes the exact way: a radix select over the stored
//! losses, then a second pass. Selection, value and gradient have the same bits in both ways.

use crate::checked::{copy, divide, expected, slice, slice_mut};
use crate::engine::chunks::{Chunk, ChunkRunner};
use crate::engine::collected::Collected;
use crate::engine::kernel::strip::Strip;
use crate::engine::kernel::target_class::BracketSlopes;
use crate::engine::pass::{BlockRange, GradientOutput, Pass};
use crate::engine::pass_plan::{
    Implementation, PassKind, PassPlan, PassSequence, RequiredSums, voxel_losses,
};
use crate::engine::precise::Precise;
use crate::engine::radix_select::{number_of, places, select, select_places};
use crate::engine::top_k_select::fraction;
use crate::engine::workspace::{Workspace, of_sample};
use crate::error::Error;
use crate::loss::sums::ClassSums;
use crate::simd::lanes::{LaneKernel, Lanes, Scalar, dispatch};

/// Returns of how many strips one is sampled: of a large batch a small part says enough.
fn sampled_of(voxels: usize) -> usize {
    (voxels >> 16).clamp(4, 64)
}

/// The most voxels at the threshold that share the remaining places: their strips are computed again.
const MOST_TIES: usize = 64;

impl<T: Precise> Workspace<'_, T> {
    /// Computes gradient and sums of the only term of a plan, if it is TopK by fraction and one pass is possible.
    /// Returns whether it did. If not, the gradient has no meaning, and no sum is changed.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    pub(super) unsafe fn run_bracketed(
        &mut self,
        plan: &PassPlan,
        gradient: Option<GradientOutput>,
        grad_scale: f64,
    ) -> Result<bool, Error> {
        let Some((output, share)) = self.bracketed(plan, gradient) else { return Ok(false) };
        let counted: f64 =
            self.class_sums.iter().step_by(self.problem.classes.max(1)).map(|first| first.weight).sum();
        let selected = places(share, counted as u64);
        if selected == 0 {
            return Ok(false);
        }
        // SAFETY: the caller's promise.
        let Some(bracket) = (unsafe { self.sample_bracket(plan, share) }) else { return Ok(false) };
        // The slope of a selected voxel depends on the weight of the selection only, which is the number of voxels.
        self.set_loss_weight(selected as f64);
        self.compute_slopes(grad_scale);
        self.set_loss_weight(0.0);
        // SAFETY: the caller's promise.
        unsafe { self.pass_bracketed(plan, output, bracket)? };
        let Some(count) = self.collect(bracket, selected) else { return Ok(false) };
        let losses = slice(self.collected.losses, 0..count.collected);
        let threshold = select_places(losses, selected - count.above, self.digit_counts);
        if let Some(to) = self.thresholds.first_mut() {
            *to = Some(threshold);
        }
        // SAFETY: the caller's promise.
        if !unsafe { self.correct_gradient(plan, output, number_of(threshold.key), threshold.share, count) } {
            return Ok(false);
        }
        // SAFETY: the caller's promise.
        unsafe { self.sum_ranked(plan)? };
        Ok(true)
    }

    /// Returns the gradient buffer and the fraction, if one pass is possible: the gradient is written to a buffer of its
    /// own and overwrites it, voxels have no weights and classes equal ones, and nothing else is computed.
    fn bracketed(&self, plan: &PassPlan, gradient: Option<GradientOutput>) -> Option<(GradientOutput, f64)> {
        let output = gradient?;
        let [term] = self.terms else { return None };
        let (_, loss) = voxel_losses(self.terms).next()?;
        let is_possible = plan.passes == PassSequence::Fused
            && plan.sums == RequiredSums::None
            && plan.implementation == Implementation::Labels
            && loss.info().is_neg_log
            && term.top_k_search.is_none()
            && self.problem.weight.is_none()
            && self.problem.has_all_classes()
            && (0..self.problem.classes).all(|class| term.class_weight(class, self.problem.classes) == 1.0)
            && !output.add
            && output.rows.direct_rows::<T>(0, 0).is_some()
            && !output.rows.begins_with(&self.problem.prediction)
            && !self.collected.losses.is_empty();
        is_possible.then(|| fraction(loss)).flatten().map(|fraction| (output, fraction))
    }

    /// Sets the weight of the selection in the sums of the first sample, and 0 in the others.
    fn set_loss_weight(&mut self, weight: f64) {
        for (index, sums) in self.class_sums.iter_mut().enumerate() {
            if let Some(to) = sums.loss_weight.first_mut() {
                *to = if index < self.problem.classes { weight } else { 0.0 };
            }
        }
    }

    /// Returns the bracket: two losses between which the threshold lies with near certainty.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    unsafe fn sample_bracket(&mut self, plan: &PassPlan, share: f64) -> Option<[T; 2]> {
        let pass = self.new_pass(plan, PassKind::TopK, None);
        let Self { problem, strip, ranking_losses, digit_counts, .. } = self;
        let sample_losses = expected(ranking_losses.first_mut())?;
        let width = strip.width;
        let every = sampled_of(problem.samples.saturating_mul(problem.voxels));
        let mut filled = 0;
        for sample in 0..problem.samples {
            for start in (0..problem.voxels).step_by((every * width).max(1)) {
                let count = width.min(problem.voxels - start);
                let block = BlockRange { sample, start, slopes: None };
                // SAFETY: the caller's promise; the strip lies in the sample.
                unsafe { pass.rank_strip(strip, block, count, 0) };
                let to = slice_mut(sample_losses, filled..filled + count);
                copy(slice(strip.rows.ranking, 0..count), to);
                filled += count;
            }
        }
        let sampled = slice(sample_losses, 0..filled);
        let counted = sampled.iter().filter(|&&loss| loss != T::of(f64::NEG_INFINITY)).count() as f64;
        let spread = 4.0 * libm::sqrt(share * (1.0 - share) / counted) + 1.0 / counted;
        if !(counted >= 1.0 && share + spread < 1.0) {
            return None;
        }
        let low: T = number_of(select(sampled, share + spread, digit_counts).key);
        let high = if share > spread {
            number_of(select(sampled, share - spread, digit_counts).key)
        } else {
            T::of(f64::INFINITY)
        };
        // NaN is no end of a bracket.
        (low > T::zero() && low <= high).then_some([low, high])
    }

    /// Stores the losses of all voxels and writes the gradient of those that may be selected.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    unsafe fn pass_bracketed(
        &mut self,
        plan: &PassPlan,
        output: GradientOutput,
        [low, _]: [T; 2],
    ) -> Result<(), Error> {
        let pass = self.new_pass(plan, PassKind::Bracket, Some(output));
        let Self { problem, optional_rows, strip, chunk_sums, worker_buffers, slopes, .. } = self;
        let optional_rows = *optional_rows;
        let runner = ChunkRunner { problem, optional_rows, strip, sums: chunk_sums, worker_buffers };
        // All classes of all samples have the same slope.
        let slope = slopes.first().map_or(0.0, |slopes| slopes.loss_sum[0]);
        let compute = |strip: &mut Strip<'_, T>, _: &mut [ClassSums], chunk: Chunk| {
            // SAFETY: the caller's promise; each chunk has its own losses and its own part of the gradient.
            unsafe { pass.bracket_chunk(strip, chunk, low, T::of(slope)) };
        };
        // SAFETY: each chunk has its own losses and its own part of the gradient.
        unsafe { runner.each(0..problem.samples, &compute, &mut |_, _| Ok(())) }
    }

    /// Counts the losses above the bracket and collects those in it. Returns `None` if the bracket does not hold the
    /// threshold, or too many losses.
    fn collect(&mut self, [low, high]: [T; 2], selected: u64) -> Option<Count> {
        let losses = expected(self.ranking_losses.first())?;
        let Collected { losses: to, indices } = &mut self.collected;
        let mut count = Count::default();
        let (lines, rest) = T::lines(losses);
        let mut inside = [0; LINES];
        for (block, lines) in lines.chunks(LINES).enumerate() {
            count.above += u64::from(dispatch(Compare { lines, low, high, inside: &mut inside }));
            for (index, (line, &bits)) in lines.iter().zip(&inside).enumerate() {
                let first = (block * LINES + index) * T::LANES;
                count.add(line.as_ref(), first as u64, bits, to, indices);
            }
        }
        let start = (losses.len() - rest.len()) as u64;
        for (at, loss) in rest.iter().enumerate() {
            let is_inside = *loss >= low && *loss <= high;
            count.above += u64::from(!(*loss <= high));
            count.add(core::slice::from_ref(loss), start + at as u64, u32::from(is_inside), to, indices);
        }
        let holds = count.above < selected && count.above + count.collected as u64 >= selected;
        (holds && !count.overflows).then_some(count)
    }

    /// Clears the gradient of collected voxels below the threshold, and computes that of voxels at the threshold again
    /// if they share the remaining places. Returns whether they are few enough.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    unsafe fn correct_gradient(
        &mut self,
        plan: &PassPlan,
        output: GradientOutput,
        threshold: T,
        share: f64,
        count: Count,
    ) -> bool {
        let pass = self.new_pass(plan, PassKind::Fused, Some(output));
        let Self { problem, strip, collected, chunk_sums, slopes, .. } = self;
        let (width, classes) = (strip.width, problem.classes);
        let place = |index: u64| {
            let index = index as usize;
            let sample = index.checked_div(problem.voxels).unwrap_or(0);
            (sample, index - sample * problem.voxels)
        };
        let indices = slice(collected.indices, 0..count.collected);
        let losses = slice(collected.losses, 0..count.collected);
        let ties = losses.iter().filter(|&&loss| loss == threshold).count();
        if share < 1.0 && ties > MOST_TIES {
            return false;
        }
        let mut computed = None;
        for (&loss, &index) in losses.iter().zip(indices) {
            let (sample, voxel) = place(index);
            if loss < threshold {
                let mut label = [0];
                // SAFETY: the caller's promise; the voxel lies in the sample.
                unsafe {
                    problem.target.labels(sample, voxel, &problem.label_map(), &mut label);
                    for class in 0..classes {
                        // As in the pass: 0 times the sum of the other exponentials, or a negative 0 times one.
                        let is_target = label[0] == problem.label_of(class);
                        let zero = if is_target { T::zero() } else { -T::zero() };
                        output.rows.store(sample, class, voxel, &[zero], false);
                    }
                }
            } else if loss == threshold && share < 1.0 {
                let start = divide(voxel, width).0 * width;
                if computed != Some((sample, start)) {
                    computed = Some((sample, start));
                    let chunk = Chunk { sample, start, end: problem.voxels.min(start + width) };
                    let of = slice(slopes, sample * classes..(sample + 1) * classes);
                    chunk_sums.fill(ClassSums::ZERO);
                    // SAFETY: the caller's promise; the sums are not used.
                    unsafe { pass.chunk(strip, chunk_sums, chunk, of) };
                }
            }
        }
        true
    }

    /// Adds value and weight of the selected voxels to the class sums.
    ///
    /// # Safety
    /// As [`Workspace::run`].
    unsafe fn sum_ranked(&mut self, plan: &PassPlan) -> Result<(), Error> {
        let pass = self.new_pass(plan, PassKind::Fused, None);
        let Self { problem, optional_rows, strip, chunk_sums, worker_buffers, class_sums, .. } = self;
        let optional_rows = *optional_rows;
        let runner = ChunkRunner { problem, optional_rows, strip, sums: chunk_sums, worker_buffers };
        let compute = |strip: &mut Strip<'_, T>, sums: &mut [ClassSums], chunk| {
            // SAFETY: the caller's promise.
            unsafe { pass.sum_selected(strip, sums, chunk, 0, true) };
        };
        let collect = &mut |sums: &[ClassSums], chunk: Chunk| {
            let weight = expected(sums.first()).map_or(0.0, |first| first.loss_weight[0]);
            for (to, from) in of_sample(class_sums, problem, chunk.sample).iter_mut().zip(sums) {
                to.loss_sum[0] += from.loss_sum[0];
                to.loss_weight[0] += weight;
            }
            Ok(())
        };
        // SAFETY: only sums are written.
        unsafe { runner.each(0..problem.samples, &compute, collect) }
    }
}

/// The losses of a batch beside a bracket.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Above the upper end.
    above: u64,
    /// In the bracket, and kept.
    collected: usize,
    /// Whether not all in the bracket could be kept.
    overflows: bool,
}

impl Count {
    /// Keeps the losses whose bits are set, the first of which has this index.
    fn add<T: Copy>(&mut self, losses: &[T], first: u64, mut bits: u32, to: &mut [T], indices: &mut [u64]) {
        while bits != 0 {
            let lane = bits.trailing_zeros();
            bits &= bits - 1;
            let places =
                (to.get_mut(self.collected), indices.get_mut(self.collected), losses.get(lane as usize));
            let (Some(to), Some(index), Some(&loss)) = places else {
                self.overflows = true;
                return;
            };
            (*to, *index) = (loss, first + u64::from(lane));
            self.collected += 1;
        }
    }
}

/// Lines that are compared at once.
const LINES: usize = 64;

/// Finds the losses of some lines that are in a bracket, a bit for each. Returns how many are above it, NaN among them.
struct Compare<'a, T: Scalar> {
    lines: &'a [T::Line],
    low: T,
    high: T,
    inside: &'a mut [u32; LINES],
}

impl<T: Scalar> LaneKernel<T> for Compare<'_, T> {
    type Output = u32;

    #[inline(always)]
    fn run<S: Lanes<T>>(self, s: S) -> u32 {
        let (low, high) = (s.splat(self.low), s.splat(self.high));
        let mut above = 0;
        for (inside, line) in self.inside.iter_mut().zip(self.lines) {
            let losses = s.from_line(line);
            let is_within = s.le(losses, high);
            above += s.count(!is_within);
            *inside = s.bits(is_within & s.le(low, losses));
        }
        above
    }
}

impl Pass<'_> {
    /// Stores the losses of a chunk and writes the gradient of voxels whose loss is at least `low`.
    ///
    /// # Safety
    /// As [`Pass::chunk`]; no other thread uses the chunk's part of the stored losses.
    unsafe fn bracket_chunk<T: Precise>(
        &self,
        strip: &mut Strip<'_, T>,
        Chunk { sample, start, end }: Chunk,
        low: T,
        slope: T,
    ) {
        let Some(stored) = expected(self.ranking_losses.first().copied().flatten()) else { return };
        for (start, count) in strip.spans(start, end) {
            let block = BlockRange { sample, start, slopes: Some(&[]) };
            // SAFETY: the caller's promise; the spans lie in the sample.
            unsafe {
                self.rank_strip(strip, block, count, 0);
                stored.store(sample, 0, start, slice(strip.rows.ranking, 0..count), false);
            }
            let len = strip.len;
            let rows = &mut strip.rows;
            let losses = slice(rows.ranking, 0..len);
            dispatch(BracketSlopes { losses, low, slope, out: slice_mut(rows.positive, 0..len) });
            strip.constant_slope = None;
            let probabilities = strip.rows_of_exponentials();
            // SAFETY: the caller's promise.
            unsafe { self.write_label_gradient(strip, block, probabilities) };
        }
        self.end_chunk();
    }
}
