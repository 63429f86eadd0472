//! What a printed receipt shows, read from the JSON one: nothing is printed that its bytes do not say.

use serde::Deserialize;

use crate::domain::{
    AuthenticationMethod, BookKind, Channel, DocumentKind, MustSubmitElectronically, Party, PhysicalDocuments,
    PresentedAtReason, Sha256, Transport, Validity,
};
use crate::receipt::json::{VERSION, VERSION_1};
use crate::receipt::paper::PaperError;
use crate::signature::{Explanation, Organization};

/// A receipt. Fields that no page shows are left out here and stay in the attached JSON.
#[derive(Debug, Deserialize)]
pub struct Receipt {
    /// Whose book it is.
    pub issuer: Issuer,
    /// Código seguro de verificación.
    pub csv: String,
    /// The entry as it was registered.
    pub entry: Entry,
    /// Every verdict on a signature that came with it.
    pub signatures: Vec<Verdict>,
    /// What it proves, in words.
    pub statement: Statement,
}

/// The entity.
#[derive(Debug, Deserialize)]
pub struct Issuer {
    /// Its code in the common directory.
    pub code: String,
}

/// What a receipt proves.
#[derive(Debug, Deserialize)]
pub struct Statement {
    /// In Spanish.
    pub es: String,
}

/// The entry.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// The book's code.
    pub book: String,
    /// Of incoming or outgoing entries.
    pub kind: BookKind,
    /// Year, book and number in one.
    pub code: String,
    /// RFC 3339 in the entity's zone, as all times here.
    pub presented_at: Time,
    /// When it was numbered.
    pub registered_at: Time,
    /// When its presentation takes effect.
    pub effective_at: Option<Time>,
    /// Whether that waits for a calendar.
    #[serde(default)]
    pub effective_at_pending: bool,
    /// Why it was presented more than a day before it was registered.
    pub presented_at_reason: Option<PresentedAtReason>,
    /// The reference of that.
    pub presented_at_reference: Option<String>,
    /// How it came.
    pub channel: Channel,
    /// How the will was proved.
    pub authentication_method: Option<AuthenticationMethod>,
    /// What identification did, where it counted as signature.
    pub identification: Option<Identification>,
    /// Why it had to come electronically, and did not.
    pub must_submit_electronically: Option<MustSubmitElectronically>,
    /// Where it was made.
    pub office: Option<String>,
    /// What the office was called then.
    pub office_name: Option<String>,
    /// The name of who registered it.
    pub registered_by: String,
    /// What was signed.
    pub submission_sha256: Option<Sha256>,
    /// What it is about.
    pub subject: String,
    /// Expone.
    pub statement: Option<String>,
    /// Solicita.
    pub request: Option<String>,
    /// The unit it goes to.
    pub destination_unit: Option<String>,
    /// What the unit was called then.
    pub destination_unit_name: Option<String>,
    /// A reference of the sender's.
    pub external_reference: Option<String>,
    /// The file it belongs to.
    pub file_number: Option<String>,
    /// SIA code of the procedure.
    pub procedure: Option<String>,
    /// The entry it puts right.
    pub corrects: Option<String>,
    /// The entry it answers.
    pub answers: Option<String>,
    /// What came on paper.
    pub physical_documents: Option<PhysicalDocuments>,
    /// How the paper came.
    pub transport: Option<Transport>,
    /// The carrier's number.
    pub transport_number: Option<String>,
    /// Remarks of the office.
    pub remarks: Option<String>,
    /// Who submits.
    pub interested_parties: Vec<Party>,
    /// What came with it.
    pub documents: Vec<Document>,
}

/// What is kept of identification.
#[derive(Debug, Deserialize)]
pub struct Identification {
    /// The rule that let it count.
    pub rule: String,
    /// Whose certificate it was.
    pub certificate_sha256: String,
}

/// A document.
#[derive(Debug, Deserialize)]
pub struct Document {
    /// The part that carried it.
    pub part: String,
    /// Its file's name.
    pub filename: String,
    /// What it is.
    pub title: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: i64,
    /// Its hash.
    pub sha256: Sha256,
    /// What kind of copy.
    pub validity: Validity,
    /// What it is for.
    pub kind: DocumentKind,
    /// Whether its format is none that the entity takes.
    pub format_not_accepted: bool,
}

/// A verdict, as far as paper shows it.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// What was judged.
    pub covers: String,
    /// Who signed.
    pub signer: Option<Signer>,
    /// When it is known to have existed.
    pub signed_at: String,
    /// The reason in a sentence.
    pub explanation: Explanation,
}

/// Who signed.
#[derive(Debug, Deserialize)]
pub struct Signer {
    /// The name.
    pub name: String,
    /// The identifier.
    pub id: Option<String>,
    /// The country that gave it, where it is not Spain.
    pub id_country: Option<String>,
    /// For whom.
    pub organization: Option<Organization>,
}

/// An instant with the entity's offset.
pub type Time = chrono::DateTime<chrono::FixedOffset>;

/// Reads a receipt.
///
/// # Errors
/// [`PaperError::Version`] for a form that is not known here, [`PaperError::Receipt`] when it does not keep its form.
pub fn read(json: &[u8]) -> Result<Receipt, PaperError> {
    #[derive(Deserialize)]
    struct Form {
        version: String,
    }
    let form: Form = serde_json::from_slice(json)?;
    if ![VERSION, VERSION_1].contains(&form.version.as_str()) {
        return Err(PaperError::Version(form.version));
    }
    Ok(serde_json::from_slice(json)?)
}
