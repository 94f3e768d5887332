//! The distance transform on blobs, a ball and contrived columns; every result is checked before it is timed.
//!
//! ```text
//! cargo bench -p benches --bench distance              the cases, signed and inside
//! cargo bench -p benches --bench distance -- threads   one worker and two, and the speedup
//! ```
//!
//! Beside other libraries: `benches/distance_peers.py`.

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use segloss::View;
use segloss::distance::{
    ClassMask, Distance, Executor, Kind, Sequential, reference, scratch_len, transform, transform_classes,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Two threads, tasks assigned in turn; the second thread is started for each pass.
struct Two;

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

struct Image {
    name: &'static str,
    shape: Vec<usize>,
    spacing: Vec<f64>,
    mask: Vec<u8>,
}

/// Blobs of about twenty voxels: the positive voxels of three sums of sines with different periods.
fn blobs(shape: &[usize]) -> Vec<u8> {
    paint(shape, |place| {
        let wave =
            |k: f64| place.iter().zip([0.11, 0.13, 0.17]).map(|(x, f)| (k * f * x + k).sin()).sum::<f64>();
        wave(1.0) + wave(0.37) + wave(1.9) > 0.0
    })
}

fn ball(shape: &[usize]) -> Vec<u8> {
    paint(shape, |place| {
        place.iter().zip(shape).map(|(x, &n)| (4.0 * x / n as f64 - 2.0).powi(2)).sum::<f64>() < 1.0
    })
}

/// Half of the lanes have their nearest voxel at one end of the column, half at the other.
fn contrived(shape: &[usize]) -> Vec<u8> {
    let last = shape[0] as f64 - 1.0;
    paint(shape, |place| {
        let scattered = place[0] > 0.5 * last && place[0] < 0.6 * last && place[0] % 15.0 == 3.0 * place[1];
        scattered || place[0] == if place[1] % 2.0 == 0.0 { 0.0 } else { last }
    })
}

fn paint(shape: &[usize], inside: impl Fn(&[f64]) -> bool) -> Vec<u8> {
    let mut place = vec![0.0; shape.len()];
    let voxel = |mut i: usize| {
        for (at, &extent) in place.iter_mut().zip(shape).rev() {
            *at = (i % extent) as f64;
            i /= extent;
        }
        inside(&place).into()
    };
    (0..shape.iter().product()).map(voxel).collect()
}

fn images() -> Vec<Image> {
    let image = |name, shape: &[usize], spacing: &[f64], of: fn(&[usize]) -> Vec<u8>| Image {
        name,
        shape: shape.to_vec(),
        spacing: spacing.to_vec(),
        mask: of(shape),
    };
    vec![
        image("blobs 192^3", &[192; 3], &[1.0; 3], blobs),
        image("blobs 192^3 (3, 0.7, 0.7)", &[192; 3], &[3.0, 0.7, 0.7], blobs),
        image("ball 192^3", &[192; 3], &[1.0; 3], ball),
        image("blobs 1024^2", &[1024; 2], &[1.0; 2], blobs),
        image("contrived 32768x64", &[32768, 64], &[1.0, 1000.0], contrived),
    ]
}

impl Image {
    fn request(&self, kind: Kind) -> Distance<'_> {
        Distance { shape: &self.shape, spacing: &self.spacing, kind, squared: false, black_border: false }
    }

    fn inside(&self) -> ClassMask<'_> {
        ClassMask::of(&View::new(&self.mask, &self.shape).unwrap())
    }

    /// Prints and returns the largest relative error against the reference; it must be below 2⁻²².
    fn check(&self, kind: Kind, executor: &dyn Executor) {
        let request = self.request(kind);
        let mut exact = vec![0f64; self.mask.len()];
        let mut scratch = vec![0.0; reference::scratch_len(&request).unwrap()];
        reference::transform(&request, &self.inside(), &mut exact, &mut scratch).unwrap();
        let mut out = vec![0f32; self.mask.len()];
        let mut scratch = vec![0; scratch_len(&request, executor.workers()).unwrap()];
        transform(&request, &self.inside(), &mut out, &mut scratch, executor).unwrap();
        let error = |(&got, &want): (&f32, &f64)| (got as f64 - want).abs() / want.abs().max(1e-9);
        let worst = out.iter().zip(&exact).map(error).fold(0.0, f64::max);
        println!(
            "{}, {kind:?}: largest relative error {worst:.1e}, scratch {} bytes",
            self.name,
            scratch.len()
        );
        assert!(worst <= 1.0 / (1 << 22) as f64);
    }
}

fn cases(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distance");
    for image in images() {
        group.throughput(Throughput::Elements(image.mask.len() as u64));
        for kind in [Kind::Signed, Kind::Inside] {
            let id = format!("{}, {kind:?}", image.name);
            bench(&mut group, &id, &image, kind);
        }
    }
    group.finish();
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, id: &str, image: &Image, kind: Kind) {
    let request = image.request(kind);
    let mut scratch = vec![0; scratch_len(&request, 1).unwrap()];
    let mut out = vec![0f32; image.mask.len()];
    let mut is_checked = false;
    group.bench_function(id, |bencher| {
        if !std::mem::replace(&mut is_checked, true) {
            image.check(kind, &Sequential);
        }
        bencher.iter(|| transform(&request, &image.inside(), &mut out, &mut scratch, &Sequential));
    });
}

/// All classes of a label map in one call.
fn classes(criterion: &mut Criterion) {
    let shape = [128; 3];
    let labels: Vec<u8> = blobs(&shape).iter().zip(ball(&shape)).map(|(a, b)| a + 2 * b).collect();
    let view = View::new(&labels, &shape).unwrap();
    let spacing = [1.0; 3];
    let request = Distance {
        shape: &shape,
        spacing: &spacing,
        kind: Kind::Signed,
        squared: false,
        black_border: false,
    };
    let mut scratch = vec![0; scratch_len(&request, 1).unwrap()];
    let mut out = vec![0f32; 4 * labels.len()];
    let mut group = criterion.benchmark_group("classes");
    group.throughput(Throughput::Elements(out.len() as u64));
    group.bench_function("4 of 128^3", |bencher| {
        bencher.iter(|| transform_classes(&request, &view, 4, &mut out, &mut scratch, &Sequential));
    });
    group.finish();
}

/// A second thread that waits for tasks by spinning, as OpenMP threads do.
#[derive(Default)]
struct Pool {
    /// Counts the calls; the thread runs the odd tasks of each call and publishes the last finished call.
    asked: AtomicUsize,
    done: AtomicUsize,
    call: Mutex<Option<(usize, Task)>>,
}

type Task = &'static (dyn Fn(usize) + Sync);

impl Pool {
    /// The loop of the second thread.
    fn serve(&self) {
        for call in 1.. {
            while self.asked.load(Ordering::Acquire) < call {
                std::hint::spin_loop();
            }
            let asked = *self.call.lock().unwrap();
            let Some((tasks, task)) = asked else { return };
            (1..tasks).step_by(2).for_each(task);
            self.done.store(call, Ordering::Release);
        }
    }

    fn ask(&self, call: Option<(usize, Task)>) -> usize {
        *self.call.lock().unwrap() = call;
        self.asked.fetch_add(1, Ordering::Release) + 1
    }
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        2
    }
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        // SAFETY: the thread has finished the task when this function returns.
        let task: Task = unsafe { std::mem::transmute(task) };
        let call = self.ask(Some((tasks, task)));
        (0..tasks).step_by(2).for_each(task);
        while self.done.load(Ordering::Acquire) < call {
            std::hint::spin_loop();
        }
    }
}

/// The speedup of a second worker, spinning or started for each pass.
fn threads(_: &mut Criterion) {
    // Criterion runs every target; this one runs only if it is named.
    if !std::env::args().any(|arg| "threads".contains(&arg)) {
        return;
    }
    let pool = Pool::default();
    std::thread::scope(|scope| {
        scope.spawn(|| pool.serve());
        compare("a thread that waits", &pool);
        pool.ask(None);
    });
    compare("a thread for each pass", &Two);
}

/// One worker and two, interleaved, so that the ratio does not depend on changes of the machine's load.
fn compare(second: &str, executor: &dyn Executor) {
    println!("two: this one, and {second}");
    for image in images().iter().take(4) {
        image.check(Kind::Signed, executor);
        let request = image.request(Kind::Signed);
        let mut scratch = vec![0; scratch_len(&request, 2).unwrap()];
        let mut out = vec![0f32; image.mask.len()];
        let mut time = |executor: &dyn Executor| {
            let begin = Instant::now();
            transform(&request, &image.inside(), &mut out, &mut scratch, executor).unwrap();
            begin.elapsed()
        };
        let mut times: Vec<[Duration; 2]> = (0..21).map(|_| [time(&Sequential), time(executor)]).collect();
        let ratio = |[one, two]: &[Duration; 2]| one.as_secs_f64() / two.as_secs_f64();
        times.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let median = &times[times.len() / 2];
        println!("{}: one {:.2?}, two {:.2?}: {:.2} times", image.name, median[0], median[1], ratio(median));
    }
}

/// Tissue with holes on an empty slide: most distances are short, those of the background long.
struct Slide {
    shape: [usize; 2],
    mask: Vec<u8>,
}

impl Slide {
    /// Generated row by row.
    fn new(height: usize, width: usize) -> Self {
        let mut mask = vec![0; height * width];
        for (y, row) in mask.chunks_mut(width).enumerate() {
            let v = y as f64 / height as f64;
            for (x, voxel) in row.iter_mut().enumerate() {
                let u = x as f64 / width as f64;
                let ellipse = |(cv, cu, a, b): (f64, f64, f64, f64)| {
                    ((v - cv) / a).powi(2) + ((u - cu) / b).powi(2) < 1.0
                };
                let is_tissue = ellipse((0.4, 0.3, 0.3, 0.2)) || ellipse((0.6, 0.75, 0.25, 0.15));
                let is_hole = (y / 37 + x / 53) * 7919 % 13 == 0 && (y * x) % 11 >= 4;
                *voxel = u8::from(is_tissue && !is_hole);
            }
        }
        Self { shape: [height, width], mask }
    }

    fn at(&self, y: usize, x: usize) -> bool {
        self.mask[y * self.shape[1] + x] != 0
    }

    /// The squared distance of a pixel, by a search row by row outwards.
    fn search(&self, y: usize, x: usize) -> usize {
        let [height, width] = self.shape;
        let mut best = usize::MAX;
        for dy in 0..height {
            if dy * dy >= best {
                break;
            }
            for row in [y.checked_sub(dy), Some(y + dy).filter(|&row| row < height)].into_iter().flatten() {
                for dx in 0..width {
                    if dy * dy + dx * dx >= best {
                        break;
                    }
                    let sides = [x.checked_sub(dx), Some(x + dx).filter(|&x| x < width)];
                    if sides.into_iter().flatten().any(|column| self.at(row, column) != self.at(y, x)) {
                        best = dy * dy + dx * dx;
                    }
                }
            }
        }
        best
    }

    /// The minimum time per pixel of several runs, in ns, after a check of pixels across the image.
    fn time(&self, runs: usize) -> f64 {
        let request = Distance {
            shape: &self.shape,
            spacing: &[1.0; 2],
            kind: Kind::Signed,
            squared: false,
            black_border: false,
        };
        let inside = ClassMask::of(&View::new(&self.mask, &self.shape).unwrap());
        let mut scratch = vec![0; scratch_len(&request, 1).unwrap()];
        let mut out = vec![0f32; self.mask.len()];
        let mut least = f64::INFINITY;
        for run in 0..runs + 1 {
            let begin = Instant::now();
            transform(&request, &inside, &mut out, &mut scratch, &Sequential).unwrap();
            if run > 0 {
                least = least.min(begin.elapsed().as_secs_f64() / out.len() as f64 * 1e9);
                continue;
            }
            for k in 0..300 {
                let pixel = k * 0x9e37_79b9_7f4a_7c15_usize % out.len();
                let (y, x) = (pixel / self.shape[1], pixel % self.shape[1]);
                let sign = if self.at(y, x) { -1.0 } else { 1.0 };
                assert_eq!(out[pixel], (sign * (self.search(y, x) as f64).sqrt()) as f32, "pixel {y}, {x}");
            }
        }
        let farthest = out.iter().fold(0f32, |farthest, d| farthest.max(d.abs()));
        let [height, width] = self.shape;
        println!(
            "{height} x {width}: {least:.2} ns per pixel, distances up to {farthest:.0}, scratch {}",
            scratch.len()
        );
        least
    }
}

/// A whole slide compared with a smaller image that also exceeds the second-level cache.
fn slide(_: &mut Criterion) {
    let Some(size) = std::env::args().find(|arg| arg.starts_with("slide")) else { return };
    let size: Vec<usize> = size.split(['=', 'x']).filter_map(|number| number.parse().ok()).collect();
    let [height, width] = size.try_into().unwrap_or([30_000, 50_000]);
    let small = Slide::new(5_000, 5_000).time(5);
    let large = Slide::new(height, width).time(2);
    println!("{:.2} times as long per pixel", large / small);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2));
    targets = cases, classes, threads, slide
}
criterion_main!(benches);
