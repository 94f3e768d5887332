//! Losses of other libraries and the terms with the same value and gradient: the rows of `docs/coming_from.md`.
//!
//! `golden/coming_from.py` recorded the results of the libraries. The test also compares the page with the rows: its
//! tables and its code contain what runs here.

use segloss::custom::{Base, Contribution, LossKind, Normalizer, Real, Voxel, VoxelLoss};
use segloss::region::{Squares, Volume};
use segloss::{
    AbsentClass, Activation, BalancedCrossEntropy, Batch, Boundary, ClassAverage, CrossEntropy, Dice, Focal,
    FocalTversky, GeneralizedDice, Gradient, Hausdorff, Iou, LogDice, Loss, SampleAverage, Selection, Term,
    TopK, Tversky, View, ViewMut, differentiate, scratch_len,
};
use serde_json::Value;
use std::cell::RefCell;

/// Both sides are f64 sums of about ninety numbers.
const TOLERANCE: f64 = 1e-12;
/// Some libraries round intermediate results to f32: a few units of its last digit.
const SHIPPED: f64 = 1e-6;

/// Focal loss with different weights for positive and negative outcomes.
struct BalancedFocal {
    alpha: f64,
    gamma: f64,
}

impl VoxelLoss for BalancedFocal {
    const CONTRIBUTION: Contribution = Contribution::BothOutcomes;
    const POWER_BASE: Base = Base::Complement;

    #[inline(always)]
    fn evaluate<T: Real>(&self, voxel: Voxel<T>) -> (T, T) {
        Focal { gamma: self.gamma }.evaluate(voxel)
    }

    fn exponent(&self) -> f64 {
        self.gamma
    }

    fn outcome_weights(&self) -> [f64; 2] {
        [self.alpha, 1.0 - self.alpha]
    }
}

impl Loss for BalancedFocal {
    fn kind(&self) -> LossKind<'_> {
        LossKind::Voxel(self)
    }
}

/// A recorded result and its inputs.
struct Row<'a> {
    said: &'a Value,
    case: &'a Value,
    pred: Vec<f64>,
    labels: Vec<i64>,
    masks: Vec<u8>,
    maps: Vec<f64>,
    weight: Vec<f64>,
    field: Vec<f64>,
    ignore: Vec<i64>,
    spacing: Vec<f64>,
    shape: Vec<usize>,
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().map(|x| x.as_f64().unwrap()).collect()
}

impl<'a> Row<'a> {
    fn new(said: &'a Value, case: &'a Value) -> Self {
        let integers = |list: &Value| numbers(list).iter().map(|&x| x as i64).collect::<Vec<_>>();
        Self {
            said,
            case,
            pred: numbers(&case["pred"]),
            labels: integers(&case["labels"]),
            masks: numbers(&case["masks"]).iter().map(|&x| x as u8).collect(),
            maps: numbers(&case["maps"]),
            weight: numbers(&case["voxel_weight"]),
            field: numbers(&said["field"]),
            ignore: integers(&case["ignore"]),
            spacing: numbers(&case["spacing"]),
            shape: integers(&case["shape"]).iter().map(|&x| x as usize).collect(),
        }
    }

    fn flat(&self) -> Vec<usize> {
        [self.shape[0]].iter().chain(&self.shape[2..]).copied().collect()
    }

    /// Samples, classes, voxels of the batch, counted voxels, classes present, and the smallest number of voxels of one.
    fn facts(&self) -> [f64; 6] {
        let (b, c) = (self.shape[0], self.shape[1]);
        let n = self.pred.len() / c;
        let counted = self.labels.iter().filter(|label| !self.ignore.contains(label)).count();
        let truth = |class: usize| self.labels.iter().filter(|&&label| label == class as i64).count();
        let truths = (0..c).map(truth).filter(|&truth| truth > 0);
        let least = truths.clone().min().unwrap_or(0);
        [b, c, n, counted, truths.count(), least].map(|x| x as f64)
    }

    fn field(&self) -> Option<View<'_>> {
        (!self.field.is_empty()).then(|| View::new(&self.field, &self.shape).unwrap())
    }

    /// Checks that the runs, added into one gradient, equal the recorded result.
    fn check(&self, runs: &[(Activation, &[Term<'_>])], tolerance: f64) -> Result<(), String> {
        let title = format!("{} {} on {}", self.said["from"], self.said["call"], self.said["case"]);
        let flat = self.flat();
        let target = match () {
            _ if !self.labels.is_empty() => View::new(&self.labels, &flat),
            _ if !self.masks.is_empty() => View::new(&self.masks, &self.shape),
            _ => View::new(&self.maps, &self.shape),
        };
        let prediction = View::new(&self.pred, &self.shape).unwrap();
        let (mut value, mut gradient) = (0.0, vec![0.0; self.pred.len()]);
        for (activation, terms) in runs {
            let batch = Batch {
                voxel_weight: (!self.weight.is_empty()).then(|| View::new(&self.weight, &flat).unwrap()),
                ignore: &self.ignore,
                spacing: (!self.spacing.is_empty()).then_some(&self.spacing),
                ..Batch::new(prediction, *activation, target.unwrap())
            };
            let mut scratch = vec![0; scratch_len(&batch, terms).unwrap()];
            let into = ViewMut::new(&mut gradient, &self.shape).unwrap();
            let into = Gradient { add: true, ..Gradient::new(into) };
            value += differentiate(&batch, terms, into, &mut scratch).unwrap();
        }
        let close = |ours: f64, theirs: f64, scale: f64, tolerance: f64, what: &str| {
            let holds = (ours - theirs).abs() <= tolerance * scale;
            if holds { Ok(()) } else { Err(format!("{title}: {what} {ours:e}, not {theirs:e}")) }
        };
        let theirs = self.said["value"].as_f64().unwrap();
        close(value, theirs, theirs.abs(), tolerance, "value")?;
        let slopes = numbers(&self.said["grad"]);
        let largest = slopes.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert!(largest > 0.0 && slopes.len() == gradient.len());
        for (ours, theirs) in gradient.iter().zip(&slopes) {
            close(*ours, *theirs, largest, tolerance, "slope")?;
        }
        if let Some(shipped) = self.said["shipped"].as_object() {
            let number = |name: &str| shipped[name].as_f64().unwrap();
            close(value, number("value"), theirs.abs(), SHIPPED.max(tolerance), "shipped value")?;
            close(number("grad_apart"), 0.0, 1.0, SHIPPED, "shipped slope")?;
        }
        Ok(())
    }
}

/// All recorded rows, and those tested.
struct Book {
    golden: Value,
    /// Library, call, and the source text of the terms.
    read: RefCell<Vec<(&'static str, &'static str, String)>>,
    wrong: RefCell<Vec<String>>,
}

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

impl Book {
    fn open() -> Self {
        let golden = serde_json::from_str(&file("tests/golden/coming_from.json")).unwrap();
        Self { golden, read: RefCell::default(), wrong: RefCell::default() }
    }

    fn rows(&self, from: &'static str, call: &'static str, terms: String) -> Vec<Row<'_>> {
        let all = self.golden["rows"].as_array().unwrap().iter();
        let said = all.filter(|row| row["from"] == from && row["call"] == call);
        let rows: Vec<_> =
            said.map(|row| Row::new(row, &self.golden["cases"][row["case"].as_str().unwrap()])).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row.case.is_object()), "no row {from} {call}");
        self.read.borrow_mut().push((from, call, terms));
        rows
    }

    /// Asserts that every row was tested and that the page shows the terms of each.
    fn close(self) {
        let (read, wrong) = (self.read.into_inner(), self.wrong.into_inner());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        for row in self.golden["rows"].as_array().unwrap() {
            let asked = read.iter().any(|(from, call, _)| row["from"] == *from && row["call"] == *call);
            assert!(asked, "no test of {} {}", row["from"], row["call"]);
        }
        let page = file("docs/coming_from.md");
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        for (from, call, terms) in read {
            let told =
                |line: &str| line.contains(&format!("| `{call}` |")) && bare(line).contains(&bare(&terms));
            assert!(page.lines().any(told), "the page has no line | `{call}` | `{terms}` | for {from}");
        }
        let source = bare(include_str!("coming_from.rs"));
        for code in page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            for piece in code.split("\n\n") {
                assert!(source.contains(&bare(piece)), "the tests have no\n{piece}");
            }
        }
        for (name, version) in self.golden["made_by"].as_object().unwrap() {
            let version = version.as_str().unwrap();
            assert!(page.contains(version), "the page does not name {name} {version}");
        }
    }
}

/// Tests calls of a library against runs, each an activation and its terms.
macro_rules! rows {
    ($book:ident, $from:literal, $facts:tt, $field:ident:
     $($call:literal => $($activation:ident $terms:expr),+ $(; within $tolerance:literal)?;)*) => {$(
        let text = [$(concat!(stringify!($activation), stringify!($terms))),+].join("`,`");
        for row in $book.rows($from, $call, text) {
            let ($facts, $field) = (row.facts(), row.field());
            let tolerance = [TOLERANCE $(, $tolerance)?].into_iter().fold(0.0, f64::max);
            let checked = row.check(&[$((Activation::$activation, &$terms)),+], tolerance);
            $book.wrong.borrow_mut().extend(checked.err());
        }
    )*};
}

#[test]
#[allow(unused_variables, reason = "not every library's rows need all facts")]
#[rustfmt::skip]
fn terms_reproduce_losses_of_other_libraries() {
    let book = Book::open();
    let v = [0.5, 2.0, 1.25];
    const BARE: Dice = Dice { squares: Squares::Linear, smooth_numerator: 0.0, smooth_denominator: 0.0 };
    const BARE_GENERALIZED: GeneralizedDice =
        GeneralizedDice { volume: Volume::InverseSquare, smooth_numerator: 0.0, smooth_denominator: 0.0 };
    const BARE_TVERSKY: Tversky = Tversky { alpha: 0.3, beta: 0.7, smooth_numerator: 0.0, smooth_denominator: 0.0 };
    const KERAS: Dice = Dice { smooth_denominator: 1e-7, ..BARE };
    const KERAS_TVERSKY: Tversky = Tversky { alpha: 0.7, beta: 0.3, smooth_denominator: 1e-7, ..BARE_TVERSKY };
    const BY_CLASS: CrossEntropy = CrossEntropy { label_smoothing: 0.0, normalizer: Normalizer::ClassWeight };

    rows! { book, "torch", [b, c, n, counted, present, least], field:
        "cross_entropy(z, y)" => Softmax [Term::new(1.0, &CrossEntropy::default())];
        "cross_entropy(z, y, weight=v)" => Softmax [Term { class_weight: Some(&v), ..Term::new(1.0, &BY_CLASS) }];
        "cross_entropy(z, y, ignore_index=255)" => Softmax [Term::new(1.0, &CrossEntropy::default())];
        "cross_entropy(z, y, label_smoothing=0.1)" =>
            Softmax [Term::new(1.0, &CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() })];
        "cross_entropy(z, y, weight=v, ignore_index=255, label_smoothing=0.1)" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new(1.0, &CrossEntropy { label_smoothing: 0.1, ..BY_CLASS }) }];
        "cross_entropy(z, g, weight=v, label_smoothing=0.1)" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new(1.0, &CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }) }];
        "cross_entropy(z, y, weight=v, reduction='sum')" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new(n, &CrossEntropy::default()) }];
        "binary_cross_entropy_with_logits(z, g)" => Sigmoid [Term::new(1.0, &CrossEntropy::default())];
        "binary_cross_entropy_with_logits(z, g, pos_weight=torch.tensor(3.0))" =>
            Sigmoid [Term::new((3.0 + 1.0) / c, &BalancedCrossEntropy { beta: 3.0 / (3.0 + 1.0) })];
    }

    rows! { book, "nnunet", [b, c, n, counted, present, least], field:
        "DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)" =>
            Softmax [Term { minus_one: true, exclude_background: true, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &CrossEntropy::default())];
        "DC_and_CE_loss({**dice, 'batch_dice': True}, {}, dice_class=MemoryEfficientSoftDiceLoss)" =>
            Softmax [Term { minus_one: true, exclude_background: true, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &CrossEntropy::default())];
        "DC_and_CE_loss(dice, {}, ignore_label=255, dice_class=MemoryEfficientSoftDiceLoss)" =>
            Softmax [Term { minus_one: true, exclude_background: true, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &CrossEntropy::default())];
        "DC_and_CE_loss({}, {}, weight_ce=0.5, weight_dice=2)" =>
            Softmax [Term { minus_one: true, ..Term::new(2.0, &Dice { smooth_numerator: 1.0, smooth_denominator: 1.0, ..Dice::default() }) }, Term::new(0.5, &CrossEntropy::default())];
        "DC_and_topk_loss(dice, {'k': 10})" =>
            Softmax [Term { minus_one: true, exclude_background: true, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &TopK::default())];
        "DC_and_topk_loss(dice, {'k': 10}, ignore_label=255)" =>
            Softmax [Term { minus_one: true, exclude_background: true, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &TopK { selection: Selection::Fraction(0.1 * n / counted) })];
        "DC_and_BCE_loss({}, {**dice, 'do_bg': True})" =>
            Sigmoid [Term { minus_one: true, ..Term::new(1.0, &Dice::default()) }, Term::new(1.0, &CrossEntropy::default())];
        "DC_and_BCE_loss({}, {**dice, 'do_bg': True}, use_ignore_label=True)" =>
            Sigmoid [Term { minus_one: true, ..Term::new(1.0, &Dice::default()) }, Term::new(c, &CrossEntropy::default())];
    }

    rows! { book, "monai", [b, c, n, counted, present, least], field:
        "DiceLoss(softmax=True, to_onehot_y=True)" => Softmax [Term::new(1.0, &Dice::default())];
        "DiceLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)" =>
            Softmax [Term { exclude_background: true, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &Dice::default()) }];
        "DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True)" =>
            Softmax [Term::new(1.0, &Dice { squares: Squares::Squared, ..Dice::default() })];
        "DiceLoss(softmax=True, to_onehot_y=True, jaccard=True)" =>
            Softmax [Term::new(1.0, &Iou { smooth_numerator: 0.5e-5, smooth_denominator: 0.5e-5, ..Iou::default() })];
        "DiceLoss(softmax=True, to_onehot_y=True, squared_pred=True, jaccard=True)" =>
            Softmax [Term::new(1.0, &Iou { squares: Squares::Squared, smooth_numerator: 0.5e-5, smooth_denominator: 0.5e-5 })];
        "DiceLoss(softmax=True, to_onehot_y=True, weight=v)" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new((v[0] + v[1] + v[2]) / c, &Dice::default()) }];
        "DiceLoss(softmax=True, to_onehot_y=True, reduction='sum')" => Softmax [Term::new(b * c, &Dice::default())];
        "DiceLoss(softmax=True, to_onehot_y=True, ignore_index=255)" => Softmax [Term::new(1.0, &Dice::default())];
        "DiceLoss(sigmoid=True)" => Sigmoid [Term::new(1.0, &Dice::default())];
        "DiceCELoss(softmax=True, to_onehot_y=True)" =>
            Softmax [Term::new(1.0, &Dice::default()), Term::new(1.0, &CrossEntropy::default())];
        "DiceCELoss(softmax=True, to_onehot_y=True, include_background=False, weight=v, lambda_dice=0.5)" =>
            Softmax [Term { class_weight: Some(&[0.0, v[1], v[2]]), ..Term::new(0.5 * (v[1] + v[2]) / (c - 1.0), &Dice::default()) }, Term { class_weight: Some(&v), ..Term::new(1.0, &BY_CLASS) }];
        "DiceCELoss(softmax=True, weight=v, label_smoothing=0.1)" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new((v[0] + v[1] + v[2]) / c, &Dice::default()) }, Term { class_weight: Some(&v), ..Term::new(1.0, &CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }) }];
        "DiceCELoss(sigmoid=True)" =>
            Sigmoid [Term::new(1.0, &Dice::default()), Term::new(1.0, &CrossEntropy::default())];
        "DiceCELoss(sigmoid=True, weight=torch.tensor(3.0))" =>
            Sigmoid [Term::new(1.0, &Dice::default()), Term::new(3.0 + 1.0, &BalancedCrossEntropy { beta: 3.0 / (3.0 + 1.0) })];
        "DiceCELoss(sigmoid=True, to_onehot_y=True)" =>
            Sigmoid [Term::new(1.0, &Dice::default())], Softmax [Term::new(1.0, &CrossEntropy::default())];
        "DiceFocalLoss(softmax=True, to_onehot_y=True)" =>
            Softmax [Term::new(1.0, &Dice::default())], Sigmoid [Term::new(1.0, &Focal::default())];
        "DiceFocalLoss(sigmoid=True)" => Sigmoid [Term::new(1.0, &Dice::default()), Term::new(1.0, &Focal::default())];
        "DiceFocalLoss(sigmoid=True, include_background=False, gamma=3.0, lambda_focal=0.5)" =>
            Sigmoid [Term { exclude_background: true, ..Term::new(1.0, &Dice::default()) }, Term { exclude_background: true, ..Term::new(0.5, &Focal { gamma: 3.0 }) }];
        "DiceFocalLoss(sigmoid=True, weight=v)" =>
            Sigmoid [Term { class_weight: Some(&v), ..Term::new((v[0] + v[1] + v[2]) / c, &Dice::default()) }, Term { class_weight: Some(&v), ..Term::new((v[0] + v[1] + v[2]) / c, &Focal::default()) }];
        "FocalLoss(use_softmax=True, to_onehot_y=True)" => Softmax [Term::new(1.0 / c, &Focal::default())];
        "FocalLoss(use_softmax=True, to_onehot_y=True, alpha=0.25)" =>
            Softmax [Term { class_weight: Some(&[0.75, 0.25, 0.25]), ..Term::new(1.0 / c, &Focal::default()) }];
        "FocalLoss(use_softmax=True, to_onehot_y=True, weight=v)" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new(1.0 / c, &Focal::default()) }];
        "FocalLoss(use_softmax=True, to_onehot_y=True, ignore_index=255)" => Softmax [Term::new(1.0, &Focal::default())];
        "FocalLoss(to_onehot_y=True, ignore_index=255)" => Sigmoid [Term::new(c, &Focal::default())];
        "FocalLoss()" => Sigmoid [Term::new(1.0, &Focal::default())];
        "FocalLoss(include_background=False)" =>
            Sigmoid [Term { exclude_background: true, ..Term::new(1.0, &Focal::default()) }];
        "FocalLoss(alpha=0.25)" => Sigmoid [Term::new(1.0 / c, &BalancedFocal { alpha: 0.25, gamma: 2.0 })];
        "GeneralizedDiceLoss(softmax=True, to_onehot_y=True)" =>
            Softmax [Term::new(1.0, &GeneralizedDice::default())]; within 2e-5;
        "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, smooth_nr=0, smooth_dr=0)" =>
            Softmax [Term::new(1.0, &BARE_GENERALIZED)];
        "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, batch=True)" =>
            Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &GeneralizedDice { smooth_numerator: 1e-5 * least * least, smooth_denominator: 1e-5 * least * least, ..BARE_GENERALIZED }) }];
        "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, w_type='simple', smooth_nr=0, smooth_dr=0)" =>
            Softmax [Term::new(1.0, &GeneralizedDice { volume: Volume::Inverse, ..BARE_GENERALIZED })];
        "GeneralizedDiceLoss(softmax=True, to_onehot_y=True, w_type='uniform')" =>
            Softmax [Term::new(1.0, &GeneralizedDice { volume: Volume::Uniform, ..GeneralizedDice::default() })];
        "GeneralizedDiceLoss(sigmoid=True, include_background=False, smooth_nr=0, smooth_dr=0)" =>
            Sigmoid [Term { exclude_background: true, ..Term::new(1.0, &BARE_GENERALIZED) }];
        "TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.3, beta=0.7)" => Softmax [Term::new(1.0, &Tversky::default())];
        "TverskyLoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)" =>
            Softmax [Term { exclude_background: true, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &Tversky { alpha: 0.5, beta: 0.5, ..Tversky::default() }) }];
        "TverskyLoss(sigmoid=True, alpha=0.3, beta=0.7)" => Sigmoid [Term::new(1.0, &Tversky::default())];
        "HausdorffDTLoss(softmax=True, to_onehot_y=True)" => Softmax [Term::new(1.0, &Hausdorff::default())];
        "HausdorffDTLoss(softmax=True, to_onehot_y=True, include_background=True, alpha=1.5)" =>
            Softmax [Term { class_weight: Some(&[1.0, 1.0, 1.0]), ..Term::new(1.0, &Hausdorff { alpha: 1.5, ..Hausdorff::default() }) }];
        "HausdorffDTLoss(sigmoid=True)" => Sigmoid [Term::new(1.0, &Hausdorff::default())];
        "LogHausdorffDTLoss(softmax=True, to_onehot_y=True)" =>
            Softmax [Term::new(1.0, &Hausdorff { logarithmic: true, ..Hausdorff::default() })];
    }

    rows! { book, "smp", [b, c, n, counted, present, least], field:
        "DiceLoss('multiclass')" => Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "DiceLoss('multiclass', smooth=1.0, class_weights=[0.5, 2.0, 1.25])" =>
            Softmax [Term { class_weight: Some(&v), sample_average: SampleAverage::Pooled, ..Term::new(1.0, &Dice { smooth_numerator: 2.0, smooth_denominator: 2.0, ..BARE }) }];
        "DiceLoss('multiclass', classes=[1, 2])" =>
            Softmax [Term { exclude_background: true, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "DiceLoss('multiclass', smooth=1.0)" =>
            Softmax [Term { absent: AbsentClass::Skipped, sample_average: SampleAverage::Pooled, ..Term::new(present / c, &Dice { smooth_numerator: 2.0, smooth_denominator: 2.0, ..BARE }) }];
        "DiceLoss('multiclass', log_loss=True)" =>
            Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &LogDice { gamma: 1.0, smooth_numerator: 0.0, smooth_denominator: 0.0 }) }];
        "DiceLoss('multiclass', ignore_index=255)" =>
            Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "DiceLoss('multiclass', from_logits=False)" =>
            Probability [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "DiceLoss('binary')" => Sigmoid [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "DiceLoss('multilabel')" => Sigmoid [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE) }];
        "TverskyLoss('multiclass', alpha=0.3, beta=0.7)" =>
            Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &BARE_TVERSKY) }];
        "TverskyLoss('binary', alpha=0.3, beta=0.7, gamma=0.75)" =>
            Sigmoid [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &FocalTversky { tversky: BARE_TVERSKY, gamma: 1.0 / 0.75 }) }];
    }

    rows! { book, "kornia", [b, c, n, counted, present, least], field:
        "focal_loss(z, y, alpha=None, reduction='mean')" => Softmax [Term::new(1.0 / c, &Focal::default())];
        "focal_loss(z, y, alpha=0.25, reduction='mean')" =>
            Softmax [Term { class_weight: Some(&[0.75, 0.25, 0.25]), ..Term::new(1.0 / c, &Focal::default()) }];
        "focal_loss(z, y, alpha=None, weight=v, reduction='mean')" =>
            Softmax [Term { class_weight: Some(&v), ..Term::new(1.0 / c, &Focal::default()) }];
        "focal_loss(z, y, alpha=None, ignore_index=255, reduction='mean')" =>
            Softmax [Term::new(counted / (n * c), &Focal::default())];
        "focal_loss(z, y, alpha=None, reduction='sum')" => Softmax [Term::new(n, &Focal::default())];
        "binary_focal_loss_with_logits(z, g, alpha=None, reduction='mean')" => Sigmoid [Term::new(1.0, &Focal::default())];
        "binary_focal_loss_with_logits(z, g, reduction='mean')" =>
            Sigmoid [Term::new(1.0 / c, &BalancedFocal { alpha: 0.25, gamma: 2.0 })];
    }

    rows! { book, "keras", [b, c, n, counted, present, least], field:
        "Dice()" =>
            Softmax [Term { class_average: ClassAverage::Pooled, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &KERAS) }];
        "Dice(axis=None)" =>
            Sigmoid [Term { class_average: ClassAverage::Pooled, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &KERAS) }];
        "Dice(axis=(1, 2, 3))" => Softmax [Term { class_average: ClassAverage::Pooled, ..Term::new(1.0, &KERAS) }];
        "Dice(axis=(1, 2))" => Softmax [Term::new(1.0, &KERAS)];
        "Dice(axis=(0, 1, 2))" => Softmax [Term { sample_average: SampleAverage::Pooled, ..Term::new(1.0, &KERAS) }];
        "Tversky(alpha=0.3, beta=0.7)" =>
            Softmax [Term { class_average: ClassAverage::Pooled, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &KERAS_TVERSKY) }];
        "Tversky(alpha=0.3, beta=0.7, axis=None)" =>
            Sigmoid [Term { class_average: ClassAverage::Pooled, sample_average: SampleAverage::Pooled, ..Term::new(1.0, &KERAS_TVERSKY) }];
        "Tversky(alpha=0.3, beta=0.7, axis=(1, 2))" => Softmax [Term::new(1.0, &KERAS_TVERSKY)];
    }

    rows! { book, "kervadec", [b, c, n, counted, present, least], field:
        "BoundaryLoss(idc=[1, 2])" => Softmax [Term::new(1.0, &Boundary { rim_zero: true })];
        "BoundaryLoss(idc=[0, 1, 2])" =>
            Softmax [Term { field, class_weight: Some(&[1.0, 1.0, 1.0]), ..Term::new(1.0, &Boundary::default()) }];
    }
    book.close();
}
