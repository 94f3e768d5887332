//! The time of each loss relative to the memory floor of the same arrays, measured in the same run.
//!
//! The floor is the time of loops without arithmetic: they read the labels once (validation), the logits once per pass,
//! and write the gradient with regular or non-temporal stores, whichever is faster.
//! `cargo bench -p benches --bench floor [-- SHAPE [LOSS]]`
use segloss::{
    Activation, Batch, CrossEntropy, Dice, Focal, GeneralizedDice, Gradient, Loss, Term, TopK, Tversky, View,
    ViewMut, differentiate, scratch_len,
};
use std::hint::black_box;
use std::time::Instant;

struct Shape {
    name: &'static str,
    shape: [usize; 3],
}

fn main() {
    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for Shape { name, shape } in [
        Shape { name: "2x4x128^3", shape: [2, 4, 128 * 128 * 128] },
        Shape { name: "8x21x256^2", shape: [8, 21, 256 * 256] },
        Shape { name: "2x4x64^2", shape: [2, 4, 64 * 64] },
    ] {
        if only.first().is_none_or(|shape| name.contains(shape.as_str())) {
            run(name, shape, only.get(1).map(String::as_str));
        }
    }
}

fn run(name: &str, shape: [usize; 3], only: Option<&str>) {
    let [b, c, n] = shape;
    let logits: Vec<f32> =
        (0..b * c * n).map(|i| ((i * 2654435761) >> 7 & 0xffff) as f32 / 8192.0 - 4.0).collect();
    let labels: Vec<u8> = (0..b * n).map(|i| ((i / 37) % c) as u8).collect();
    let mut gradient = vec![0f32; b * c * n];
    let (ce, dice, focal, tversky, gd, top) = (
        CrossEntropy::default(),
        Dice::default(),
        Focal::default(),
        Tversky::default(),
        GeneralizedDice::default(),
        TopK::default(),
    );
    let losses: Vec<(&str, usize, Vec<&dyn Loss>)> = vec![
        ("CE", 1, vec![&ce]),
        ("focal", 1, vec![&focal]),
        ("Dice", 2, vec![&dice]),
        ("Dice+CE", 2, vec![&dice, &ce]),
        ("Tversky", 2, vec![&tversky]),
        ("GDice", 2, vec![&gd]),
        ("TopK", 2, vec![&top]),
    ];
    let batch = Batch::new(
        View::new(&logits, &shape).unwrap(),
        Activation::Softmax,
        View::new(&labels, &[b, n]).unwrap(),
    );
    let voxels = (b * n) as f64;
    for (loss, sweeps, forms) in losses.into_iter().filter(|(loss, ..)| only.is_none_or(|only| only == *loss))
    {
        let terms: Vec<Term> = forms.iter().map(|form| Term::new(1.0, *form)).collect();
        let mut scratch = vec![0; scratch_len(&batch, &terms).unwrap()];
        let (mut ours, mut floors) = (vec![], [vec![], vec![]]);
        let rounds = if n < 10000 { 1001 } else { 9 };
        for _ in 0..rounds {
            let start = Instant::now();
            let into = Gradient::new(ViewMut::new(&mut gradient, &shape).unwrap());
            black_box(differentiate(&batch, &terms, into, &mut scratch).unwrap());
            ours.push(start.elapsed().as_secs_f64());
            // Arrays that fit in the caches would be evicted.
            let streams = gradient.len() > 1 << 20;
            let first = if streams { stream as fn(&[f32], &mut [f32]) } else { copy };
            for (floor, write) in floors.iter_mut().zip([first, copy]) {
                let start = Instant::now();
                black_box(labels.iter().map(|&x| x as u64).sum::<u64>());
                for _ in 0..sweeps - 1 {
                    black_box(read(&logits));
                }
                write(&logits, &mut gradient);
                black_box(&mut gradient);
                floor.push(start.elapsed().as_secs_f64());
            }
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2] * 1e9 / voxels
        };
        let ours = median(&mut ours);
        let [streamed, plain] = floors.map(|mut times| median(&mut times));
        let floor = plain.min(streamed);
        println!("{name:12} {loss:10} {ours:8.2} ns/voxel  floor {floor:6.2}  ratio {:.2}", ours / floor);
    }
}

fn read(x: &[f32]) -> f32 {
    let mut sums = [0f32; 64];
    for block in x.as_chunks::<64>().0 {
        for i in 0..64 {
            sums[i] += block[i];
        }
    }
    sums.iter().sum()
}

fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from * 0.5;
    }
}

/// Writes with non-temporal stores, if the CPU has them.
fn stream(from: &[f32], to: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_loadu_ps, _mm_mul_ps, _mm_set1_ps, _mm_sfence, _mm_stream_ps};
        let skip = to.as_ptr().align_offset(16).min(to.len());
        copy(&from[..skip], &mut to[..skip]);
        let (from, to) = (from[skip..].as_chunks::<4>(), to[skip..].as_chunks_mut::<4>());
        for (from, to) in from.0.iter().zip(to.0) {
            // SAFETY: SSE is part of x86-64, both are four numbers, and the target is aligned.
            unsafe {
                _mm_stream_ps(to.as_mut_ptr(), _mm_mul_ps(_mm_loadu_ps(from.as_ptr()), _mm_set1_ps(0.5)))
            };
        }
        copy(from.1, to.1);
        // SAFETY: SSE is part of x86-64.
        unsafe { _mm_sfence() };
    }
    #[cfg(not(target_arch = "x86_64"))]
    copy(from, to);
}
