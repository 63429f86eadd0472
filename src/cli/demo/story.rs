//! What the demo does, in the order in which it tells it; each step says what it expects and fails when it is not so.

use serde_json::{Value, json};

use super::citizen::Signer;
use super::client::{Answer, Client, Failure, Package};
use crate::app::App;
use crate::clock::Clock;
use crate::log::VerifierKey;
use crate::receipt::check::check;

/// A page with one word on it.
const PLAN: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n\
4 0 obj<</Length 45>>stream\nBT /F1 24 Tf 72 760 Td (Plano de la obra) Tj ET\nendstream endobj\n\
5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R/Size 6>>\n%%EOF\n";

fn ana() -> Value {
    json!({"id_type": "nif", "id": "00000000T", "given_name": "Ana", "first_surname": "García", "second_surname": "López",
        "email": "ana@example.org", "notification_channel": "electronic"})
}

fn luis() -> Value {
    json!({"id_type": "nif", "id": "12345678Z", "given_name": "Luis", "first_surname": "Martínez", "second_surname": "Ruiz"})
}

fn carla() -> Value {
    json!({"id_type": "nie", "id": "X1234567L", "given_name": "Carla", "first_surname": "Rossi"})
}

fn obras() -> Value {
    json!({"id_type": "cif", "id": "B12345674", "company_name": "Obras del Sur, S. L.",
        "representative": {"id_type": "nif", "id": "11111111H", "given_name": "Marta", "first_surname": "Pérez",
            "second_surname": "Gil", "authority": {"kind": "certificate"}}})
}

/// The number of the entry in an answer.
fn number(answer: &Answer) -> i64 {
    answer.body["entry"]["number"].as_i64().unwrap_or_default()
}

/// Tells the story on a server at `base`; what was not as it should be, in words.
pub struct Story {
    eoffice: Client,
    clerk: Client,
    clock: Clock,
    /// What was not as it should be.
    pub surprises: Vec<String>,
}

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Story").field("surprises", &self.surprises).finish_non_exhaustive()
    }
}

impl Story {
    /// A story told by an e-office and a clerk.
    #[must_use]
    pub fn new(app: &App, base: &str, eoffice: &str, clerk: &str) -> Self {
        let clock = app.clock().clone();
        let client = |token| Client::new(base, token, clock.clone());
        Self { eoffice: client(eoffice), clerk: client(clerk), clock: clock.clone(), surprises: Vec::new() }
    }

    fn expect(&mut self, what: &str, holds: bool) {
        if !holds {
            println!("    ✗ not as expected: {what}");
            self.surprises.push(what.to_owned());
        }
    }

    /// Citizens submit, one repeats herself, two are refused, two come to the counter.
    ///
    /// # Errors
    /// When a step could not be tried at all.
    pub async fn tell(&mut self) -> Result<(), Failure> {
        println!("\nSigned submissions, over HTTP");
        let first = self.eoffice.submission(
            &ana(),
            "Solicitud de licencia de obra menor",
            &[("plano", "application/pdf", PLAN), ("memoria", "text/plain", b"Reforma de la cocina.")],
            &Signer::ana()?,
        )?;
        let answer = self.accepted("Ana García asks for a building permit, with two documents", &first).await?;
        let number_of_first = number(&answer);
        let luis_sends = self.eoffice.submission(
            &luis(),
            "Recurso de reposición",
            &[("recurso", "text/plain", b"Expongo que...")],
            &Signer::luis()?,
        )?;
        self.accepted("Luis Martínez appeals", &luis_sends).await?;
        let carla_sends = self.eoffice.submission(&carla(), "Alta en el padrón municipal", &[], &Signer::carla()?)?;
        self.accepted("Carla Rossi registers as a resident, with a NIE", &carla_sends).await?;
        let obras_sends = self.eoffice.submission(
            &obras(),
            "Presentación de oferta",
            &[("oferta", "application/pdf", PLAN)],
            &Signer::marta_for_obras()?,
        )?;
        let answer = self.accepted("Marta Pérez bids for Obras del Sur, S. L.", &obras_sends).await?;

        println!("\nThe same request again: Ana's connection broke, and her e-office repeats it with its key");
        let again = self.eoffice.send(&first).await?;
        println!("    {} — {} {}", again.status, code(&again), if again.replayed { "(the same entry)" } else { "" });
        let same = again.status == 201 && again.replayed && number(&again) == number_of_first;
        self.expect("the repeated request is answered with the same number", same);

        println!("\nWhat is refused, and numbers nothing");
        let mut tampered = self.eoffice.submission(&ana(), "Solicitud de 100 euros", &[], &Signer::ana()?)?;
        let text = String::from_utf8(std::mem::take(&mut tampered.parts[0].2))?;
        tampered.parts[0].2 = text.replace("100 euros", "900 euros").into_bytes();
        self.refused("a submission altered after it was signed", &tampered, "signature-invalid").await?;
        let stranger = self.eoffice.submission(&ana(), "Cambio de domicilio", &[], &Signer::untrusted()?)?;
        self.refused("a signature whose authority nobody trusts", &stranger, "signature-invalid").await?;
        let impostor = self.eoffice.submission(&ana(), "Cambio de domicilio", &[], &Signer::luis()?)?;
        self.refused("Luis signs in Ana's name", &impostor, "signature-invalid").await?;
        let mut swapped = self.eoffice.submission(
            &ana(),
            "Entrega de plano",
            &[("plano", "application/pdf", PLAN)],
            &Signer::ana()?,
        )?;
        swapped.parts[2].2 = b"%PDF-1.4 another plan".to_vec();
        self.refused("a document that is not the one that was signed", &swapped, "document-mismatch").await?;

        self.prove(&answer).await?;

        println!("\nAt the counter");
        let paper = json!({"channel": "in_person", "physical_documents": "none"});
        let keyed = self.clerk.counter(
            &luis(),
            "Solicitud de vado permanente",
            &[("escaneo", "text/plain", b"(scanned)")],
            &paper,
        )?;
        let counter = self.accepted("the clerk keys in what Luis brings on paper", &keyed).await?;
        let post = json!({"channel": "postal", "transport": "certified_post", "transport_number": "CD00012345"});
        let posted = self.clerk.counter(&obras(), "Reclamación de factura", &[], &post)?;
        let answer = self.accepted("a company's letter comes by certified post", &posted).await?;
        let marked = answer.body["entry"]["must_submit_electronically"] == json!("legal_person");
        println!("    the company must submit electronically (art. 14): marked so, for the clerk to tell it");
        self.expect("a company at the counter is marked", marked);
        let in_order = number(&counter) == number_of_first + 4;
        self.expect("what was refused took no number", in_order);
        Ok(())
    }

    async fn send(&self, package: &Package) -> Result<Answer, Failure> {
        if package.path == "/entries" { self.clerk.send(package).await } else { self.eoffice.send(package).await }
    }

    async fn accepted(&mut self, what: &str, package: &Package) -> Result<Answer, Failure> {
        println!("  · {what}");
        let answer = self.send(package).await?;
        println!("    {} — {}", answer.status, code(&answer));
        if answer.status == 201 {
            self.receipt(&answer).await?;
        } else {
            println!("    {}", answer.body["detail"]);
        }
        self.expect(what, answer.status == 201);
        Ok(answer)
    }

    /// Fetches the receipt and judges the seal over it.
    async fn receipt(&mut self, answer: &Answer) -> Result<(), Failure> {
        let link = |name: &str| answer.body["receipt"][name].as_str().unwrap_or_default().to_owned();
        let (json, p7s) = (self.clerk.get(&link("json")).await?, self.clerk.get(&link("signature")).await?);
        // Only that it holds is asked here: the demo's seal is a test's, which nobody trusts.
        let policy = crate::app::policy(&crate::config::Signature::default())?;
        let verdicts = crate::signature::judge(&p7s, Some(&json), "receipt", self.clock.now().0, &policy);
        let intact = verdicts.iter().all(|verdict| verdict.intact) && !verdicts.is_empty();
        println!(
            "    receipt {}  {} bytes, seal {}",
            link("csv"),
            json.len(),
            if intact { "holds" } else { "does not hold" }
        );
        self.expect("the seal over the receipt holds", intact);
        Ok(())
    }

    /// Checks a receipt as a citizen would: by the public key alone, and once more after a letter of it was changed.
    async fn prove(&mut self, answer: &Answer) -> Result<(), Failure> {
        println!("\nWhat anybody can check, with the receipt and the entity's public key");
        let key = String::from_utf8(self.eoffice.get("/api/v1/log/key").await?)?;
        let key: VerifierKey = key.trim().parse()?;
        let path = answer.body["receipt"]["json"].as_str().unwrap_or_default();
        let receipt = self.eoffice.get(path).await?;
        let checked = check(&receipt, &key);
        if let Ok(checked) = &checked {
            println!(
                "    {} stands in the book: leaf {} of {}",
                checked.code, checked.leaf_index, checked.checkpoint.size
            );
        }
        self.expect("a receipt proves that its entry stands in the book", checked.is_ok());
        let altered = String::from_utf8(receipt)?.replace("Presentación de oferta", "Retirada de oferta");
        let refused = check(altered.as_bytes(), &key);
        if let Err(error) = &refused {
            println!("    with one word changed: {error}");
        }
        self.expect("a receipt with one word changed proves nothing", refused.is_err());
        Ok(())
    }

    async fn refused(&mut self, what: &str, package: &Package, slug: &str) -> Result<(), Failure> {
        println!("  · {what}");
        let answer = self.send(package).await?;
        let kind = answer.body["type"].as_str().unwrap_or_default().to_owned();
        println!("    {} {kind} — {}", answer.status, answer.body["detail"].as_str().unwrap_or_default());
        self.expect(what, answer.status == 422 && kind.ends_with(slug));
        Ok(())
    }
}

/// The code of the entry in an answer.
fn code(answer: &Answer) -> &str {
    answer.body["entry"]["code"].as_str().unwrap_or("no entry")
}
