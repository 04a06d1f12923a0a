### Forms of a self-assessment. Plain words, short sentences.

self-assessment = Self-assessment
version = Version { $version }
notice-draft = Draft: this standard has not been confirmed yet. A result by it is a trial.
notice-superseded = A newer version has taken the place of this standard.
fact-subject = What is assessed
fact-team = Who assesses (functions, no names)
fact-date = Date
core = core criterion
evidence = What shows it
actions = What is to become better
other-actions = Further actions
held-internally = held internally
not-applicable = does not apply (with a reason)
rating-label = In a word
rating-anchor = That means
ticked = ticked
not-ticked = not ticked

## Sheets
sheet-guide = How to
sheet-criteria = Criteria
sheet-plan = Improvement plan

## How to fill it in
how-title = How to fill it in
how-rating = Give each criterion one rating. The indicators help you to decide; they are not added up.
how-not-applicable = If a criterion does not apply, choose NA and say why.
how-evidence = Name what shows it, with type, title and date. Without an address it counts as held internally. If it is older, say on which day somebody confirmed that it is still in force.
how-evidence-people = Never name or attach anything about single persons. Describe and summarise.
how-dates = Write dates as 2026-03-31.
how-plan = For each action say which function (not which person) does it, and by when.
how-columns = Please leave the first row as it is, and the columns where they are named. A row in which you fill in nothing changes nothing. The grey columns are only there to be read.

list-ratings = Ratings
list-evidence-types = Types of evidence
list-visibility = Who may see a piece of evidence after publication
list-status = How far an action is

## Columns
column-type = Kind of row
column-criterion-id = Criterion
column-dimension = Dimension
column-title = Title
column-statement = What must hold
column-indicators = What to look at
column-rating = Rating
column-not-applicable = Does not apply, because
column-comment = Comment
column-current = Rating now
column-target = Rating aimed at
column-action = Action
column-action-language = Language of the action
column-responsible-function = Responsible function
column-due = By when
column-status = Status
column-progress-note = What has happened so far
column-standard = Standard
column-evidence = Evidence { $number }
evidence-type = Type
evidence-title = Title
evidence-date = Date
evidence-url = Address
evidence-still-in-force = Confirmed as still in force on
evidence-language = Language
evidence-visibility = Who may see it
evidence-covers = Indicators that it covers

## Codes
status-open = not begun
status-in-progress = begun
status-done = done
status-dropped = given up
visibility-internal = only we and coordinators
visibility-network = the network
visibility-public = everybody
