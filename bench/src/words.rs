//! What the measured entries are made of: places, phrases, names.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A place that offers are given at: country, region (ISO 3166-2) where known, city, latitude, longitude.
pub type City = (&'static str, &'static str, f64, f64);

/// Cities in the order of how much goes on there, as a directory of this kind has it: half of it in the country of
/// destination, the rest along the routes.
pub const CITIES: &[City] = &[
    ("DE", "Berlin", 52.52, 13.40),
    ("XK", "Prishtina", 42.66, 21.17),
    ("DE", "Kassel", 51.31, 9.48),
    ("DE", "Frankfurt am Main", 50.11, 8.68),
    ("AL", "Tirana", 41.33, 19.82),
    ("DE", "München", 48.14, 11.58),
    ("DE", "Hamburg", 53.55, 9.99),
    ("TR", "İstanbul", 41.01, 28.98),
    ("RS", "Beograd", 44.79, 20.45),
    ("DE", "Köln", 50.94, 6.96),
    ("BA", "Sarajevo", 43.86, 18.41),
    ("DE", "Stuttgart", 48.78, 9.18),
    ("JO", "Amman", 31.95, 35.93),
    ("MA", "Rabat", 34.02, -6.84),
    ("DE", "Leipzig", 51.34, 12.37),
    ("MK", "Skopje", 41.99, 21.43),
    ("TN", "Tunis", 36.81, 10.18),
    ("DE", "Nürnberg", 49.45, 11.08),
    ("UA", "Kyiv", 50.45, 30.52),
    ("DE", "Dortmund", 51.51, 7.47),
    ("GH", "Accra", 5.60, -0.19),
    ("LB", "Beirut", 33.89, 35.50),
    ("DE", "Bremen", 53.08, 8.80),
    ("IN", "New Delhi", 28.61, 77.21),
    ("PL", "Warszawa", 52.23, 21.01),
    ("DE", "Dresden", 51.05, 13.74),
    ("RO", "București", 44.43, 26.10),
    ("VN", "Hà Nội", 21.03, 105.85),
    ("DE", "Hannover", 52.38, 9.73),
    ("EG", "Cairo", 30.04, 31.24),
    ("PH", "Manila", 14.60, 120.98),
    ("BG", "Sofia", 42.70, 23.32),
    ("GE", "Tbilisi", 41.72, 44.79),
    ("AT", "Wien", 48.21, 16.37),
    ("NG", "Abuja", 9.06, 7.50),
    ("IQ", "Erbil", 36.19, 44.01),
    ("GR", "Athína", 37.98, 23.73),
    ("IT", "Roma", 41.90, 12.50),
    ("ES", "Madrid", 40.42, -3.70),
    ("CH", "Zürich", 47.37, 8.54),
    ("KE", "Nairobi", -1.29, 36.82),
    ("MD", "Chișinău", 47.01, 28.86),
    ("CO", "Bogotá", 4.71, -74.07),
    ("FR", "Paris", 48.86, 2.35),
    ("PK", "Islamabad", 33.68, 73.05),
    ("BR", "Brasília", -15.79, -47.88),
    ("ME", "Podgorica", 42.44, 19.26),
    ("SN", "Dakar", 14.72, -17.47),
    ("HR", "Zagreb", 45.81, 15.98),
    ("AM", "Yerevan", 40.18, 44.51),
];

/// Languages of advice, most frequent first.
pub const LANGUAGES: &[&str] = &[
    "de", "en", "ar", "sq", "tr", "sr", "ru", "fr", "uk", "fa", "es", "pl", "ro", "vi", "pt",
];

/// German sentences. `{t}` is a topic, `{g}` a group, `{c}` a city, `{n}` the name of a project.
pub const GERMAN: &[&str] = &[
    "Wir beraten vor der Ausreise zu {t} und stellen den Kontakt zur Migrationsberatungsstelle in {c} her.",
    "Das Angebot {n} richtet sich an {g} und begleitet bis zum ersten Termin nach der Ankunft.",
    "In Einzelgesprächen klären wir gemeinsam, welche Unterlagen für den Antrag noch fehlen.",
    "Der Orientierungskurs dauert vier Wochen und vermittelt Grundwissen über Arbeitsleben und Alltag.",
    "Die Fachkräfte der Beratungsstelle sprechen mehrere Sprachen und arbeiten ergebnisoffen.",
    "Nach der Einreise übernimmt eine Partnerorganisation in {c} die weitere Begleitung.",
    "Informationsveranstaltungen zu {t} finden einmal im Monat statt, eine Anmeldung ist nicht nötig.",
    "Wer sich für eine Ausbildung interessiert, erhält Hilfe bei Bewerbung und Zeugnisanerkennung.",
    "{n} vernetzt Behörden, Kammern und Wohlfahrtsverbände im Herkunftsland und in Deutschland.",
    "Auf Wunsch bleibt das Gespräch anonym; Daten werden nur mit Einwilligung weitergegeben.",
    "Besondere Aufmerksamkeit gilt dem Schutz vor Ausbeutung und unseriöser Vermittlung.",
    "Familienangehörige können teilnehmen, für Kinder gibt es eine Betreuung vor Ort.",
    "Die Verweisberatung nennt geeignete Stellen für {t} und vereinbart bei Bedarf einen Termin.",
    "Ehrenamtliche Lotsinnen und Lotsen unterstützen bei Behördengängen und Wohnungssuche.",
    "Vorbereitende Sprachkurse werden mit kultureller Orientierung und Bewerbungstraining verbunden.",
    "Rückkehrende erhalten Unterstützung bei Existenzgründung, Qualifizierung und Arbeitssuche.",
];

/// English sentences, with the same places for words.
pub const ENGLISH: &[&str] = &[
    "We advise on {t} before departure and connect people with the migration counselling office in {c}.",
    "{n} is meant for {g} and accompanies them until the first appointment after arrival.",
    "In one-to-one conversations we find out which documents are still missing for the application.",
    "The orientation course takes four weeks and teaches the basics of working life and everyday matters.",
    "The counsellors speak several languages and leave the decision with those who seek advice.",
    "After entry a partner organisation in {c} continues the support.",
    "Information sessions about {t} take place once a month, registration is not required.",
    "Those interested in vocational training get help with applications and recognition of certificates.",
    "{n} links authorities, chambers and welfare associations in the country of origin and in Germany.",
    "The conversation stays anonymous on request; data is passed on only with consent.",
    "Special attention is paid to protection from exploitation and dubious recruitment.",
    "Family members can take part, childcare is available on the premises.",
    "The referral service names suitable offices for {t} and arranges an appointment where needed.",
    "Volunteers help with visits to authorities and with finding a place to live.",
    "Preparatory language courses are combined with cultural orientation and application training.",
    "Returnees receive support with starting a business, qualification and looking for work.",
];

/// One sentence in each further language, for the entries that have more than two.
pub const FURTHER: &[(&str, &str)] = &[
    (
        "fr",
        "Nous conseillons avant le départ et orientons vers les services compétents après l'arrivée.",
    ),
    (
        "es",
        "Asesoramos antes de la salida y orientamos hacia los servicios adecuados después de la llegada.",
    ),
    (
        "ar",
        "نقدم المشورة قبل المغادرة ونحيل إلى الجهات المختصة بعد الوصول.",
    ),
    (
        "tr",
        "Gidişten önce danışmanlık veriyor, varıştan sonra ilgili kurumlara yönlendiriyoruz.",
    ),
    (
        "ru",
        "Мы консультируем до отъезда и направляем в нужные учреждения после прибытия.",
    ),
];

/// What readers look for: words that stand in the phrases above or in the labels of the code lists.
pub const SOUGHT: &[&str] = &[
    "Beratung",
    "Migrationsberatung",
    "Ausreise",
    "Orientierungskurs",
    "Anerkennung",
    "Sprachkurs",
    "Bewerbung",
    "Ausbildung",
    "Wohnungssuche",
    "Familienangehörige",
    "Ausbeutung",
    "Rückkehrende",
    "Existenzgründung",
    "Behördengänge",
    "Einwilligung",
    "Unterlagen",
    "counselling",
    "departure",
    "orientation",
    "recognition",
    "vocational",
    "training",
    "certificates",
    "childcare",
    "exploitation",
    "recruitment",
    "appointment",
    "volunteers",
    "returnees",
    "business",
    "authorities",
    "consent",
    "language",
    "documents",
    "application",
    "conseillons",
    "asesoramos",
    "danışmanlık",
    "консультируем",
    "المشورة",
];

/// The code lists that the product ships.
pub struct Codes {
    schemes: BTreeMap<String, Vec<Concept>>,
}

#[derive(Deserialize)]
struct Concept {
    code: String,
    label: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct File {
    schemes: BTreeMap<String, Scheme>,
}

#[derive(Deserialize)]
struct Scheme {
    concepts: Vec<Concept>,
}

impl Codes {
    /// Reads the lists.
    ///
    /// # Errors
    /// When the shipped file is not what it was.
    pub fn read() -> anyhow::Result<Self> {
        let file: File = serde_json::from_str(include_str!(
            "../../crates/domain/data/imsa-vocabularies.json"
        ))?;
        let schemes = file
            .schemes
            .into_iter()
            .map(|(name, scheme)| (name, scheme.concepts))
            .collect();
        Ok(Self { schemes })
    }

    /// The codes of one list, in its order.
    pub fn of(&self, scheme: &str) -> Vec<&str> {
        self.concepts(scheme)
            .iter()
            .map(|concept| concept.code.as_str())
            .collect()
    }

    /// What a code is called in a language.
    pub fn label(&self, scheme: &str, code: &str, language: &str) -> &str {
        let concept = self
            .concepts(scheme)
            .iter()
            .find(|concept| concept.code == code);
        concept
            .and_then(|concept| concept.label.get(language))
            .map_or("", String::as_str)
    }

    fn concepts(&self, scheme: &str) -> &[Concept] {
        self.schemes.get(scheme).map_or(&[], Vec::as_slice)
    }
}
