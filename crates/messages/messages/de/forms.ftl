### Formulare einer Selbstbewertung. Einfache Wörter, kurze Sätze.

self-assessment = Selbstbewertung
version = Fassung { $version }
notice-draft = Entwurf: Dieser Standard ist noch nicht bestätigt. Ein Ergebnis nach ihm ist eine Erprobung.
notice-superseded = Dieser Standard ist durch eine neuere Fassung ersetzt.
fact-subject = Was bewertet wird
fact-team = Wer bewertet (Funktionen, keine Namen)
fact-date = Datum
core = Kernkriterium
evidence = Was es belegt
actions = Was besser werden soll
other-actions = Weitere Maßnahmen
held-internally = liegt intern vor
not-applicable = trifft nicht zu (mit Begründung)
rating-label = Kurz gesagt
rating-anchor = Das heißt
ticked = angekreuzt
not-ticked = nicht angekreuzt

## Blätter
sheet-guide = Anleitung
sheet-criteria = Kriterien
sheet-plan = Verbesserungsplan

## So füllen Sie es aus
how-title = So füllen Sie es aus
how-rating = Geben Sie jedem Kriterium eine Bewertung. Die Indikatoren helfen bei der Entscheidung; sie werden nicht zusammengezählt.
how-not-applicable = Wenn ein Kriterium nicht zutrifft, wählen Sie NA und begründen Sie es.
how-evidence = Nennen Sie, was es belegt: mit Art, Titel und Datum. Ohne Adresse gilt es als intern vorliegend. Ist es älter, sagen Sie, an welchem Tag jemand bestätigt hat, dass es noch gilt.
how-evidence-people = Nennen Sie nie etwas über einzelne Menschen und fügen Sie nichts über sie bei. Beschreiben Sie und fassen Sie zusammen.
how-dates = Schreiben Sie Daten als 2026-03-31 oder 31.03.2026.
how-plan = Sagen Sie zu jeder Maßnahme, welche Funktion (nicht welche Person) sie bis wann umsetzt.
how-columns = Bitte lassen Sie die erste Zeile, wie sie ist, und die Spalten unter ihren Namen. Eine Zeile, in der Sie nichts ausfüllen, ändert nichts. Die grauen Spalten sind nur zum Lesen da.

list-ratings = Bewertungen
list-evidence-types = Arten von Belegen
list-visibility = Wer einen Beleg nach der Veröffentlichung sehen darf
list-status = Wie weit eine Maßnahme ist

## Spalten
column-type = Art der Zeile
column-criterion-id = Kriterium
column-dimension = Dimension
column-title = Titel
column-statement = Was gelten soll
column-indicators = Worauf zu achten ist
column-rating = Bewertung
column-not-applicable = Trifft nicht zu, weil
column-comment = Anmerkung
column-current = Bewertung jetzt
column-target = Angestrebte Bewertung
column-action = Maßnahme
column-action-language = Sprache der Maßnahme
column-responsible-function = Zuständige Funktion
column-due = Bis wann
column-status = Stand
column-progress-note = Was bisher geschehen ist
column-standard = Standard
column-evidence = Beleg { $number }
evidence-type = Art
evidence-title = Titel
evidence-date = Datum
evidence-url = Adresse
evidence-still-in-force = Als weiter gültig bestätigt am
evidence-language = Sprache
evidence-visibility = Wer es sehen darf
evidence-covers = Indikatoren, die er abdeckt

## Codes
status-open = nicht begonnen
status-in-progress = begonnen
status-done = erledigt
status-dropped = aufgegeben
visibility-internal = nur wir und Koordination
visibility-network = das Netzwerk
visibility-public = alle
