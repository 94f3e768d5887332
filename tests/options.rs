//! Options of terms: an option that a loss does not use is refused; excluding the background is a class weight of 0.

use crate::cases;
use crate::convert_cases::{Format, Inputs, with_terms};
use crate::formats::assert_same_numbers;
use crate::naive::{Case, Form, Selection, TermSpec};
use segloss::custom::LossKind;
use segloss::parts::TopKSearch;
use segloss::{
    AbsentClass, ClassAverage, Error, Gradient, Outputs, SampleAverage, Status, Term, View, ViewMut, run,
    scratch_len,
};

/// Value and gradient of a case, its terms changed.
fn changed(
    case: &Case,
    specs: &[TermSpec],
    change: impl Fn(usize, Term<'_>) -> Term<'_>,
) -> Result<(f64, Vec<f64>), Error> {
    let format = Format::exact(case);
    let inputs = Inputs::new(case, specs, &format);
    let mut gradient = vec![0.0; case.z.len()];
    let shape = inputs.prediction.view().shape().to_vec();
    let value = with_terms(specs, &inputs, |terms| {
        let terms: Vec<Term<'_>> = terms.iter().enumerate().map(|(k, &term)| change(k, term)).collect();
        let batch = inputs.batch(inputs.prediction.view());
        let mut scratch = vec![0; scratch_len(&batch, &terms)?];
        let gradient = Gradient::new(ViewMut::new(&mut gradient, &shape)?);
        run(&batch, &terms, Outputs { gradient: Some(gradient), ..Outputs::default() }, &mut scratch)
    })?;
    Ok((value, gradient))
}

#[track_caller]
fn assert_same(ours: &(f64, Vec<f64>), theirs: &(f64, Vec<f64>), title: &str) {
    assert_eq!(ours.0.to_bits(), theirs.0.to_bits(), "{title}: {} and {}", ours.0, theirs.0);
    assert_same_numbers(&ours.1, &theirs.1, title);
}

#[test]
fn excluding_the_background_with_class_weights_sets_weight_0() {
    let mut differ = 0;
    cases::each(|title, case, specs| {
        let given: Vec<f64> = (0..case.c).map(|c| [0.75, 2.0, 1.25, 0.5, 1.5][c % 5]).collect();
        let zeroed: Vec<f64> =
            (0..case.c).map(|c| if c == 0 && case.c > 1 { 0.0 } else { given[c] }).collect();
        let with = |weights: &[f64]| -> Vec<TermSpec> {
            let weigh = |spec: &TermSpec| TermSpec { class_weight: Some(weights.to_vec()), ..spec.clone() };
            specs.iter().map(weigh).collect()
        };
        let excluded =
            changed(case, &with(&given), |_, term| Term { exclude_background: true, ..term }).unwrap();
        assert_same(&excluded, &changed(case, &with(&zeroed), |_, term| term).unwrap(), title);
        differ += usize::from(excluded != changed(case, &with(&given), |_, term| term).unwrap());
    });
    assert!(differ > 100, "the background weighs something in {differ} cases");
}

#[test]
fn excluding_the_background_sets_weight_0_and_does_nothing_for_one_class() {
    cases::each(|title, case, specs| {
        // In (16), given class weights replace the frequencies.
        let of_frequencies =
            |spec: &TermSpec| matches!(spec.form, Form::PowerCrossEntropy { .. } | Form::LogDice { .. });
        if specs.iter().any(|spec| spec.class_weight.is_some() || of_frequencies(spec)) {
            return;
        }
        let excluded = changed(case, specs, |_, term| Term { exclude_background: true, ..term }).unwrap();
        let objects: Vec<f64> = (0..case.c).map(|c| f64::from(c > 0 || case.c == 1)).collect();
        let weigh = |spec: &TermSpec| TermSpec { class_weight: Some(objects.clone()), ..spec.clone() };
        let weighted: Vec<TermSpec> = specs.iter().map(weigh).collect();
        assert_same(&excluded, &changed(case, &weighted, |_, term| term).unwrap(), title);
        if case.c == 1 {
            assert_same(&excluded, &changed(case, specs, |_, term| term).unwrap(), title);
        }
    });
}

#[test]
fn class_weights_with_only_the_excluded_background_are_refused() {
    let case = &cases::cases()[0].case;
    let background = TermSpec { class_weight: Some(vec![1.0, 0.0, 0.0]), ..TermSpec::new(crate::list::DICE) };
    assert!(changed(case, std::slice::from_ref(&background), |_, term| term).is_ok());
    let refused =
        changed(case, &[background], |_, term| Term { exclude_background: true, ..term }).unwrap_err();
    assert_eq!(
        (refused.status, refused.argument(), refused.term),
        (Status::Parameter, "class_weight", Some(0))
    );
}

/// One option of a term set to a value other than its default.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    ClassAverage,
    SampleAverage,
    Absent,
    Field,
    FieldComplete,
    TopKSearch,
}

impl Change {
    const ALL: [Self; 6] = [
        Self::ClassAverage,
        Self::SampleAverage,
        Self::Absent,
        Self::Field,
        Self::FieldComplete,
        Self::TopKSearch,
    ];

    fn set<'a>(self, term: Term<'a>, field: View<'a>, search: &'a TopKSearch) -> Term<'a> {
        match self {
            Self::ClassAverage => Term { class_average: ClassAverage::Pooled, ..term },
            Self::SampleAverage => Term { sample_average: SampleAverage::Pooled, ..term },
            Self::Absent => Term { absent: AbsentClass::Skipped, ..term },
            Self::Field => Term { field: Some(field), ..term },
            Self::FieldComplete => Term { field: Some(field), field_complete: true, ..term },
            Self::TopKSearch => Term { top_k_search: Some(search), ..term },
        }
    }

    /// Whether a loss reads the option, by its formula.
    fn is_used(self, term: &Term<'_>, form: Form) -> bool {
        let (is_region, is_joint) = (
            matches!(term.loss.kind(), LossKind::Region(_)),
            matches!(term.loss.kind(), LossKind::JointRegion(_)),
        );
        match self {
            Self::ClassAverage => is_region,
            Self::SampleAverage | Self::Absent => is_region || is_joint,
            Self::Field => cases::field_of(form).is_some(),
            Self::FieldComplete => matches!(form, Form::Hausdorff(_)),
            Self::TopKSearch => matches!(form, Form::TopK(Selection::Fraction(_))),
        }
    }
}

#[test]
fn unused_option_is_refused_and_used_option_is_accepted() {
    let (mut taken, mut refused) = (0, 0);
    let case = &cases::cases()[0].case;
    let field: &'static [f64] = vec![1.0; case.z.len()].leak();
    let shape: Vec<usize> = [case.b, case.c].into_iter().chain(case.shape.iter().copied()).collect();
    let field = View::new(field, &shape).unwrap();
    let search: &'static TopKSearch = Box::leak(Box::new(TopKSearch::new()));
    for loss in crate::list::losses() {
        let specs = loss.for_classes(case.c);
        if !cases::is_served(&specs, case) {
            continue;
        }
        for (slot, change) in (0..specs.len()).flat_map(|slot| Change::ALL.map(|change| (slot, change))) {
            let title = format!("{}: {change:?} of term {slot}", loss.name);
            let is_used = std::cell::Cell::new(false);
            let outcome = changed(case, &specs, |k, term| {
                if k != slot {
                    return term;
                }
                is_used.set(change.is_used(&term, specs[k].form));
                change.set(term, field, search)
            });
            if is_used.get() && change == Change::TopKSearch {
                let error = outcome.expect_err(&title);
                // The option is legal here; the search has counted nothing.
                assert_eq!((error.argument(), error.expected()), ("top_k_search", "a search that is done"));
                taken += 1;
                continue;
            }
            if is_used.get() {
                assert!(outcome.is_ok(), "{title}: {}", outcome.unwrap_err());
                taken += 1;
                continue;
            }
            let error = outcome.expect_err(&title);
            let argument = match change {
                Change::ClassAverage => "class_average",
                Change::SampleAverage => "sample_average",
                Change::Absent => "absent",
                Change::Field => "field",
                // A field that the loss does not use is refused first.
                Change::FieldComplete if cases::field_of(specs[slot].form).is_none() => "field",
                Change::FieldComplete => "field_complete",
                Change::TopKSearch => "top_k_search",
            };
            assert_eq!(
                (error.status, error.argument(), error.term),
                (Status::Parameter, argument, Some(slot)),
                "{title}"
            );
            refused += 1;
        }
    }
    assert!(taken > 40 && refused > 100, "{taken} taken, {refused} refused");
}

#[test]
fn field_complete_requires_a_field() {
    let case = &cases::cases()[0].case;
    let hausdorff = TermSpec::new(Form::Hausdorff(crate::naive::boundary::Hausdorff::default()));
    let error = changed(case, &[hausdorff], |_, term| Term { field_complete: true, ..term }).unwrap_err();
    assert_eq!((error.status, error.argument(), error.term), (Status::MissingField, "field", Some(0)));
}
