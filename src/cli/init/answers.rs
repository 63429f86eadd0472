//! What only the body itself can say of its registry: asked for, never invented.

use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::config::public_url;
use crate::domain::text;
use crate::domain::unit::check_code;

/// The code of the registry that is tried: nobody's.
pub const TRIAL_CODE: &str = crate::config::Entity::TRIAL;
/// Its name.
pub const TRIAL_NAME: &str = "Ayuntamiento de ejemplo";
/// What an office is called that was given no name.
pub const OFFICE_NAME: &str = "Oficina de asistencia en materia de registros";
/// How often a question is asked again.
const TRIES: usize = 5;

/// What is said of the body; what is not given is asked for where somebody can answer.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Answers {
    /// The DIR3 code of the body, such as L01290080 [default: L01000000, for trials].
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// The name of the body, as receipts print it.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The DIR3 code of its registry office, such as O00012345. Without it there is no office, and none is invented.
    #[arg(long, value_name = "CODE")]
    pub office: Option<String>,
    /// The name of the office.
    #[arg(long, value_name = "NAME", requires = "office")]
    pub office_name: Option<String>,
    /// Where the public reaches the server, such as <https://sede.example.es>: receipts print it, for ever.
    #[arg(long, value_name = "ADDRESS")]
    pub public_url: Option<String>,
}

impl Answers {
    /// Of a registry that is only tried.
    #[must_use]
    pub fn trial() -> Self {
        Self::default()
    }

    /// Whether what was answered can be.
    ///
    /// # Errors
    /// The option at fault, and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("--code", &self.code, check_code as fn(&str) -> Result<(), String>),
            ("--name", &self.name, name),
            ("--office", &self.office, check_code),
            ("--office-name", &self.office_name, name),
            ("--public-url", &self.public_url, address),
        ];
        for (option, answer, check) in all {
            if let Some(answer) = answer {
                check(answer).map_err(|wrong| format!("{option} {answer:?} {wrong}"))?;
            }
        }
        Ok(())
    }

    /// That settings which are there already are not changed by answers.
    ///
    /// # Errors
    /// When there are such answers.
    pub fn refuse_over(&self, file: &Path) -> Result<(), String> {
        let given = [
            ("--code", "code", &self.code),
            ("--name", "name", &self.name),
            ("--public-url", "public_url", &self.public_url),
        ];
        match given.iter().find(|(.., answer)| answer.is_some()) {
            Some((option, key, _)) => Err(format!(
                "{} is there already, and {option} is not written over it: change {key} below [entity] in that file",
                file.display()
            )),
            None => Ok(()),
        }
    }

    /// Asks for what was not given; an empty line leaves it out.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn ask(&mut self, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        let mut one = |question: &str, answer: &mut Option<String>, check: fn(&str) -> Result<(), String>| {
            if answer.is_none() {
                *answer = ask(from, to, question, check)?;
            }
            io::Result::Ok(())
        };
        one("DIR3 code of the body [none: for trials]", &mut self.code, check_code)?;
        one("Its name", &mut self.name, name)?;
        one("DIR3 code of its registry office, such as O00012345 [none yet]", &mut self.office, check_code)?;
        if self.office.is_some() {
            one("Name of the office", &mut self.office_name, name)?;
        }
        let question =
            "Address by which the public reaches it, such as https://sede.example.es: receipts print it for ever";
        one(question, &mut self.public_url, address)
    }

    /// What is still to be said before the registry is used in earnest.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = [
            (&self.code, "entity.code is L01000000, which is nobody's: the registry is for trials until you set yours"),
            (&self.public_url, "entity.public_url is not set: receipts will print an address that nobody reaches"),
        ];
        let missing = missing.into_iter().filter(|(answer, _)| answer.is_none()).map(|(_, said)| said.to_owned());
        let doubt = self.public_url.as_ref().and_then(|url| Some((url, public_url::doubt(url)?)));
        let doubt = doubt.map(|(url, doubt)| format!("entity.public_url is {url}: it {doubt}"));
        missing.chain(doubt).collect()
    }
}

fn ask(
    from: &mut impl BufRead,
    to: &mut impl Write,
    question: &str,
    check: fn(&str) -> Result<(), String>,
) -> io::Result<Option<String>> {
    for _ in 0..TRIES {
        write!(to, "{question}: ")?;
        to.flush()?;
        let mut line = String::new();
        from.read_line(&mut line)?;
        let answer = line.trim();
        if answer.is_empty() {
            return Ok(None);
        }
        match check(answer) {
            Ok(()) => return Ok(Some(answer.to_owned())),
            Err(wrong) => writeln!(to, "{answer:?} {wrong}")?,
        }
    }
    Ok(None)
}

fn name(name: &str) -> Result<(), String> {
    text::check(name, 80).map_err(|error| error.to_string())
}

fn address(url: &str) -> Result<(), String> {
    public_url::check(url).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(lines: &str) -> (Answers, String) {
        let (mut answers, mut screen) = (Answers::default(), Vec::new());
        answers.ask(&mut lines.as_bytes(), &mut screen).unwrap();
        (answers, String::from_utf8(screen).unwrap())
    }

    #[test]
    fn what_only_the_body_knows_is_asked_for_until_it_can_be() {
        let (answers, screen) = answered(
            "L0129\nL01290080\nAyuntamiento de Coín\nO00012345\n\nhttp://sede.example.es\nhttps://sede.example.es\n",
        );
        assert_eq!(answers.code.as_deref(), Some("L01290080"));
        assert_eq!(answers.name.as_deref(), Some("Ayuntamiento de Coín"));
        assert_eq!((answers.office.as_deref(), answers.office_name), (Some("O00012345"), None));
        assert_eq!(answers.public_url.as_deref(), Some("https://sede.example.es"));
        assert!(screen.contains("\"L0129\" must be a DIR3 code") && screen.contains("must be https"), "{screen}");
    }

    #[test]
    fn who_answers_nothing_gets_a_registry_for_trials_and_is_told() {
        let (answers, _) = answered("");
        assert!(answers.code.is_none() && answers.office.is_none());
        assert_eq!(answers.missing().len(), 2);
        // Nobody is asked for ever.
        let (answers, _) = answered(&"wrong code\n".repeat(100));
        assert!(answers.code.is_none());
    }
}
