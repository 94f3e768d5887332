//! Checks the terms of a loss against the inputs.

use crate::error::{Error, Status};
use crate::loss::kind::LossKind;
use crate::loss::sums::MAX_TERMS;
use crate::loss::term::{AbsentClass, ClassAverage, SampleAverage, Term};
use crate::parameter::check_length;
use crate::problem::{Problem, refuse};

/// Checks the terms of a loss against the batch.
pub(crate) fn check_terms(problem: &Problem<'_>, terms: &[Term<'_>]) -> Result<(), Error> {
    if terms.is_empty() || terms.len() > MAX_TERMS {
        let error = Error::new(Status::Parameter, c"terms", c"1 to 4 terms");
        return Err(error.with_given(terms.len() as f64));
    }
    terms
        .iter()
        .enumerate()
        .try_for_each(|(k, term)| check_term(problem, term).map_err(|error| error.in_term(k)))
}

fn check_term(problem: &Problem<'_>, term: &Term<'_>) -> Result<(), Error> {
    match term.loss.kind() {
        LossKind::Region(loss) => loss.validate()?,
        LossKind::JointRegion(loss) => loss.validate()?,
        LossKind::Voxel(loss) => loss.check()?,
    }
    term.loss.check_classes(problem.classes)?;
    check_options(term)?;
    crate::parameter::check(&[(c"weight", term.weight)], |_| true, c"finite")?;
    if let Some(weights) = term.class_weight {
        check_length(weights.len(), problem.classes, c"class_weight", c"one per class")?;
        if let Some((class, &v)) = weights.iter().enumerate().find(|(_, v)| !(v.is_finite() && **v >= 0.0)) {
            let error = Error::new(Status::Parameter, c"class_weight", c"finite and >= 0").at(class);
            return Err(error.with_given(v));
        }
        if problem.classes > 0 && (0..problem.classes).all(|class| term.excludes(class, problem.classes)) {
            return refuse(
                Status::Parameter,
                c"class_weight",
                c"a weight above 0 for at least one class that is not excluded",
            );
        }
    }
    Ok(())
}

/// Returns an error if an option that the loss of the term does not use is not at its default.
fn check_options(term: &Term<'_>) -> Result<(), Error> {
    let kind = term.loss.kind();
    if !matches!(kind, LossKind::Region(_)) && term.class_average != ClassAverage::Mean {
        return refuse(
            Status::Parameter,
            c"class_average",
            c"the default, Mean: only losses of kind Region use it",
        );
    }
    if let LossKind::Voxel(loss) = kind {
        if term.sample_average != SampleAverage::Mean {
            let expected = c"the default, Mean: only region losses use it";
            return refuse(Status::Parameter, c"sample_average", expected);
        }
        if term.absent != AbsentClass::Counted {
            return refuse(Status::Parameter, c"absent", c"the default, Counted: only region losses use it");
        }
        if term.field.is_some() && !loss.info().field {
            return refuse(Status::Parameter, c"field", c"no field: this loss does not use one");
        }
    } else if term.field.is_some() {
        return refuse(Status::Parameter, c"field", c"no field: region losses do not use one");
    }
    if term.top_k_search.is_some()
        && !matches!(kind, LossKind::Voxel(loss) if loss.info().selection.is_some_and(|of| of.fraction().is_some()))
    {
        return refuse(Status::Parameter, c"top_k_search", c"no search: only TopK by fraction uses one");
    }
    if term.field_complete {
        if !term.loss.field().is_some_and(|field| field.has_halves()) {
            let expected = c"false: only the Hausdorff loss has a field that depends on the prediction";
            return refuse(Status::Parameter, c"field_complete", expected);
        }
        if term.field.is_none() {
            return refuse(Status::MissingField, c"field", c"a field, because field_complete is set");
        }
    }
    Ok(())
}
