//! AutoFirma's detached form: the content and its signatures beside each other in `AFIRMA`.

use crate::signer::{BASE64, C14N, DS, Plan, XADES, base64, by, transform};

pub const OBJECT: &str = "http://www.w3.org/2000/09/xmldsig#Object";

/// The content as an element: in base64, or as text.
pub fn content(encoding: &str, text: &str) -> String {
    format!("<CONTENT Encoding=\"{encoding}\" Id=\"CONTENT-1\" MimeType=\"text/xml\">{text}</CONTENT>")
}

/// A signature beside the content, whose first reference is typed as that of an object.
pub fn plan_beside(who: &'static str, id: &str, in_base64: bool) -> Plan {
    let plan = Plan { id: id.to_owned(), ..by(who) };
    let attributes = format!(" Id=\"r0\" Type=\"{OBJECT}\" URI=\"#CONTENT-1\"");
    if in_base64 {
        plan.reference(&attributes, &transform(BASE64, ""), "Obra menor")
    } else {
        plan.reference(&attributes, &transform(C14N, ""), content("text", "Obra menor"))
    }
}

pub fn beside(who: &'static str, id: &str, in_base64: bool) -> String {
    plan_beside(who, id, in_base64).element()
}

pub fn detached(in_base64: bool, signatures: &str) -> String {
    let content = if in_base64 { content(BASE64, &base64(b"Obra menor")) } else { content("text", "Obra menor") };
    format!("<AFIRMA Id=\"AFIRMA-1\">{content}{signatures}</AFIRMA>")
}

/// A signature over the value of another, in its unsigned properties; and its own value, as others sign it.
pub fn counter_signature(
    who: &'static str,
    id: &str,
    value: &str,
    value_id: &str,
    unsigned: String,
) -> (String, String) {
    counter_signature_of(Plan { id: id.to_owned(), unsigned, ..by(who) }, value, value_id)
}

/// The same, made by this plan.
pub fn counter_signature_of(plan: Plan, value: &str, value_id: &str) -> (String, String) {
    let plan = Plan { nested: true, ..plan };
    let attributes = format!(" Type=\"http://uri.etsi.org/01903#CountersignedSignature\" URI=\"#{value_id}\"");
    let plan = plan.reference(&attributes, &transform(C14N, ""), value);
    // In canonical form the value has every namespace that holds where it stands.
    let in_scope = format!("<ds:SignatureValue xmlns:ds=\"{DS}\" xmlns:xades=\"{XADES}\"");
    let value = plan.value_element().replacen(&format!("<ds:SignatureValue xmlns:ds=\"{DS}\""), &in_scope, 1);
    (format!("<xades:CounterSignature>{}</xades:CounterSignature>", plan.element()), value)
}
