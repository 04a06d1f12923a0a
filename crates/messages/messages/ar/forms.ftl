### نماذج التقييم الذاتي. كلمات بسيطة وجمل قصيرة.

self-assessment = التقييم الذاتي
# Marks keep the version from being turned around.
version = الإصدار { "\u2068" }{ $version }{ "\u2069" }
notice-draft = مسودة: لم يُعتمد هذا المعيار بعد. أي نتيجة بموجبه هي تجربة فقط.
notice-superseded = حلّ إصدار أحدث محل هذا المعيار.
fact-subject = ما يجري تقييمه
fact-team = من يُجري التقييم (الوظائف وليس الأسماء)
fact-date = التاريخ
core = معيار أساسي
evidence = ما يثبت ذلك
actions = ما ينبغي تحسينه
other-actions = إجراءات أخرى
held-internally = محفوظ داخليًا
not-applicable = لا ينطبق (مع ذكر السبب)
rating-label = باختصار
rating-anchor = المعنى
ticked = محدد
not-ticked = غير محدد

## الأوراق
sheet-guide = التعليمات
sheet-criteria = المعايير
sheet-plan = خطة التحسين

## كيفية التعبئة
how-title = كيفية التعبئة
how-rating = أعطوا كل معيار تقييمًا واحدًا. تساعد المؤشرات على اتخاذ القرار ولا تُجمع معًا.
how-not-applicable = إذا كان المعيار لا ينطبق، فاختاروا NA واذكروا السبب.
how-evidence = اذكروا ما يثبت ذلك مع النوع والعنوان والتاريخ. من دون رابط يُعدّ محفوظًا داخليًا. وإذا كان قديمًا، فاذكروا اليوم الذي أُكّد فيه أنه ما زال ساريًا.
how-evidence-people = لا تذكروا ولا ترفقوا أبدًا شيئًا عن أشخاص بعينهم. صِفوا ولخّصوا.
how-dates = اكتبوا التواريخ بهذا الشكل: 2026-03-31.
how-plan = اذكروا لكل إجراء الوظيفة المسؤولة عنه (وليس الشخص) والموعد النهائي.
how-columns = يُرجى ترك الصف الأول كما هو وإبقاء الأعمدة تحت أسمائها. الصف الذي لا تملؤونه لا يغيّر شيئًا. الأعمدة الرمادية للقراءة فقط.

list-ratings = التقييمات
list-evidence-types = أنواع الإثباتات
list-visibility = من يجوز له الاطلاع على الإثبات بعد النشر
list-status = مدى تقدم الإجراء

## الأعمدة
column-type = نوع الصف
column-criterion-id = المعيار
column-dimension = البُعد
column-title = العنوان
column-statement = ما يجب أن يتحقق
column-indicators = ما ينبغي النظر فيه
column-rating = التقييم
column-not-applicable = لا ينطبق، لأن
column-comment = تعليق
column-current = التقييم الآن
column-target = التقييم المستهدف
column-action = الإجراء
column-action-language = لغة الإجراء
column-responsible-function = الوظيفة المسؤولة
column-due = الموعد النهائي
column-status = الحالة
column-progress-note = ما حدث حتى الآن
column-standard = المعيار المرجعي
column-evidence = الإثبات { $number }
evidence-type = النوع
evidence-title = العنوان
evidence-date = التاريخ
evidence-url = الرابط
evidence-still-in-force = أُكّد أنه ما زال ساريًا في
evidence-language = اللغة
evidence-visibility = من يجوز له الاطلاع
evidence-covers = المؤشرات التي يغطيها

## الرموز
status-open = لم يبدأ
status-in-progress = بدأ
status-done = أُنجز
status-dropped = تُرك
visibility-internal = نحن والتنسيق فقط
visibility-network = الشبكة
visibility-public = الجميع
