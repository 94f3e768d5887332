//! The distance transform against all pairs of voxels, with spacings of any size.

use check::guard::Guarded;
use check::source::{Numbers, Source};
use segloss::distance::{Distance, Executor, Kind, Mask, Sequential, scratch_len, transform};

/// A mask in C order, and the length of its rows.
struct Bits<'a>(&'a [bool], usize);

impl Mask for Bits<'_> {
    fn bits(&self, row: usize, start: usize, count: usize, words: &mut [u64]) {
        let voxels = self.0[row * self.1 + start..][..count].chunks(64);
        for (word, voxels) in words.iter_mut().zip(voxels) {
            *word = voxels.iter().rev().fold(0, |word, &inside| word << 1 | u64::from(inside));
        }
    }
}

/// Three workers on one thread, tasks from the last to the first.
struct Backwards;

impl Executor for Backwards {
    fn workers(&self) -> usize {
        3
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).rev().for_each(task);
    }
}

/// One transform.
pub fn distance(bytes: &[u8]) {
    let source = &mut Source::of_bytes(bytes);
    let (shape, spacing) = draw_image(source);
    let kind = source.pick(&[Kind::Signed, Kind::Inside, Kind::Outside, Kind::OtherSide]);
    let (squared, black_border) = (source.one_in(2), source.one_in(2));
    let voxels: usize = shape.iter().product();
    let mask = draw_mask(source, &shape, voxels);
    let request = Distance { shape: &shape, spacing: &spacing, kind, squared, black_border };
    let executor: &dyn Executor = if source.one_in(3) { &Backwards } else { &Sequential };
    let want = brute(&request, &mask);
    let single: Vec<f64> = run::<f32>(&request, &mask, executor).into_iter().map(f64::from).collect();
    compare(
        &request,
        &single,
        &want,
        if squared { 5e-7 } else { 2.5e-7 },
        f64::from(f32::MIN_POSITIVE),
        f64::from(f32::MAX),
    );
    compare(&request, &run::<f64>(&request, &mask, executor), &want, 2e-14, f64::MIN_POSITIVE, f64::MAX);
}

/// A request: 1 to 4 axes, at most about a thousand voxels, spacings from 1e-16 to 1e17.
fn draw_image(source: &mut Source<'_>) -> (Vec<usize>, Vec<f64>) {
    let axes = source.pick(&[2, 1, 3, 4, 2, 3, 7]);
    let most = [600, 600, 24, 9, 5, 4, 3, 2][axes];
    let shape: Vec<usize> = (0..axes)
        .scan(1, |all: &mut usize, _| {
            let extent = 1 + source.below((1000 / *all).clamp(1, most));
            *all *= extent;
            Some(extent)
        })
        .collect();
    let wild = source.below(4);
    let spacing = (0..axes)
        .map(|_| match wild {
            0 => 1.0,
            1 => source.pick(&[1.0, 0.7, 3.0, 2.5, 1e-3]),
            2 => 10f64.powi(source.below(34) as i32 - 16),
            _ => source.pick(&[1e17, 1e-16, 1.0, 3e8, 1e-8]) * (1.0 + source.below(7) as f64 / 8.0),
        })
        .collect();
    (shape, spacing)
}

fn draw_mask(source: &mut Source<'_>, shape: &[usize], voxels: usize) -> Vec<bool> {
    let way = source.below(6);
    let numbers = Numbers::new(source.bits(), 1);
    let width = *shape.last().unwrap();
    let at = numbers.below(0, voxels);
    (0..voxels)
        .map(|k| match way {
            0 => numbers.below(k, 2) == 0,
            1 => numbers.below(k, 40) == 0,
            2 => numbers.below(k, 40) != 0,
            3 => k == at,
            4 => k != at,
            _ => (k % width) * 2 < width,
        })
        .collect()
}

/// The transform, with output and scratch next to inaccessible pages.
fn run<T: segloss::custom::Real>(request: &Distance<'_>, mask: &[bool], executor: &dyn Executor) -> Vec<T> {
    let needed = scratch_len(request, executor.workers()).expect("a plan");
    let mut scratch = Guarded::before_a_page(needed);
    scratch.bytes_mut().fill(0xa5);
    let mut out = Guarded::before_a_page(mask.len() * size_of::<T>());
    out.bytes_mut().fill(0xff);
    // SAFETY: any bytes are valid numbers, and the end of a page is aligned for them.
    let to = unsafe { out.bytes_mut().align_to_mut::<T>().1 };
    let bits = Bits(mask, *request.shape.last().unwrap());
    transform(request, &bits, to, scratch.bytes_mut(), executor).expect("a transform");
    to.to_vec()
}

/// All pairs of voxels; with a black border also the nearest voxels outside the image.
fn brute(request: &Distance<'_>, mask: &[bool]) -> Vec<f64> {
    let Distance { shape, spacing, kind, squared, black_border } = *request;
    let place = |mut i: usize| -> Vec<i64> {
        let mut place = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            place[axis] = (i % shape[axis]) as i64;
            i /= shape[axis];
        }
        place
    };
    let places: Vec<Vec<i64>> = (0..mask.len()).map(place).collect();
    let square = |axis: usize, steps: i64| (steps as f64 * spacing[axis]).powi(2);
    let between =
        |a: &[i64], b: &[i64]| -> f64 { (0..shape.len()).map(|axis| square(axis, a[axis] - b[axis])).sum() };
    let nearest = |i: usize| {
        let others = (0..mask.len()).filter(|&j| mask[j] != mask[i]);
        let mut least = others.map(|j| between(&places[i], &places[j])).fold(f64::INFINITY, f64::min);
        for axis in (0..shape.len()).filter(|_| black_border && mask[i]) {
            least = least.min(square(axis, places[i][axis] + 1));
            least = least.min(square(axis, shape[axis] as i64 - places[i][axis]));
        }
        if least == f64::INFINITY { 0.0 } else { least }
    };
    let distance = |i: usize| {
        let square = if request.wants(mask[i]) { nearest(i) } else { 0.0 };
        let distance = if squared { square } else { square.sqrt() };
        if kind == Kind::Signed && mask[i] { -distance } else { distance }
    };
    (0..mask.len()).map(distance).collect()
}

/// Whether two distances agree to a few roundings; beyond the range of the type, infinity or 0.
fn compare(request: &Distance<'_>, got: &[f64], want: &[f64], tolerance: f64, least: f64, most: f64) {
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let good = if want.abs() > most {
            got == f64::INFINITY.copysign(want) || got.abs() >= most * (1.0 - tolerance)
        } else {
            (got - want).abs() <= tolerance * want.abs() + least
        };
        assert!(good, "{request:?} voxel {i}: {got:e}, not {want:e}");
    }
}
