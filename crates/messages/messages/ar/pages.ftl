### صفحات عقدة من عقد الدليل. كلمات بسيطة وجمل قصيرة.

language-name = العربية
skip-to-content = انتقل إلى المحتوى
site-navigation = القائمة الرئيسية
footer-navigation = عن هذا الموقع
language-navigation = اللغة

nav-home = الصفحة الرئيسية
nav-offers = ابحث عن عرض
nav-api = للمطورين
nav-imprint = بيانات الناشر
nav-privacy = حماية البيانات

## Landing page
landing-intro = يبين هذا الدليل من يقدم المشورة للمهاجرين: قبل السفر وفي الطريق وبعد الوصول. لا تحتاج إلى حساب، ولا يسجل أحد ما تبحث عنه.
landing-federated = كل منظمة تعتني بمدخلاتها بنفسها. وتتبادل العقد مثل هذه العقدة المدخلات فيما بينها.
landing-counts = ما الذي يحتويه
landing-take-part = شارك معنا
landing-take-part-text = هل منظمتك غير موجودة هنا؟ يمكنها التسجيل عبر واجهة البرمجة، ثم تحديث مدخلاتها بنفسها.
landing-api-docs = وصف الواجهة
landing-openapi = الواجهة كوثيقة OpenAPI
landing-search-button = بحث
search-label = عمّ تبحث؟
search-hint = مثلاً: دورة لغة، الاعتراف بالشهادات، تيرانا

count-organisations = { $count ->
    [one] منظمة
    [two] منظمتان
    [few] منظمات
   *[other] منظمة
}
count-offers = { $count ->
    [one] عرض
    [two] عرضان
    [few] عروض
   *[other] عرضاً
}
count-contact-points = { $count ->
    [one] نقطة اتصال
    [two] نقطتا اتصال
    [few] نقاط اتصال
   *[other] نقطة اتصال
}
count-pathways = { $count ->
    [one] مسار
    [two] مساران
    [few] مسارات
   *[other] مساراً
}
count-events = { $count ->
    [one] فعالية
    [two] فعاليتان
    [few] فعاليات
   *[other] فعالية
}
count-publications = { $count ->
    [one] منشور
    [two] منشوران
    [few] منشورات
   *[other] منشوراً
}
count-needs = { $count ->
    [one] احتياج
    [two] احتياجان
    [few] احتياجات
   *[other] احتياجاً
}
count-quality-standards = { $count ->
    [one] معيار جودة
    [two] معيارا جودة
    [few] معايير جودة
   *[other] معيار جودة
}

## List of offers
offers-title = العروض
offers-results = { $count ->
    [0] لا توجد نتائج
    [one] عُثر على عرض واحد
    [two] عُثر على عرضين
    [few] عُثر على { $count } عروض
   *[other] عُثر على { $count } عرضاً
}
offers-none = لا يوجد عرض مطابق. جرّب عدداً أقل من المرشحات أو كلمة أخرى.
offers-filter-heading = البحث والتصفية
offers-filter-any = الكل
offers-filter-apply = أظهر العروض
offers-filter-reset = أزل كل المرشحات
offers-pages = صفحات القائمة
offers-next = الصفحة التالية
offers-first = إلى الصفحة الأولى
offers-too-far = لهذا البحث نتائج أكثر مما يمكن تصفحه. يرجى استخدام مرشحات أكثر.
offers-by = من
filter-country = البلد الذي يوجد فيه أو يعمل فيه
filter-destination = البلد الذي تريد الذهاب إليه
filter-phase = المرحلة
filter-topic = الموضوع
filter-target-group = الفئة المستهدفة
filter-language = لغة العرض
filter-mode = طريقة الوصول إليه
filter-cost = التكلفة

## One entry
entry-not-verified = لم يتم التحقق بعد
entry-not-verified-text = لم يتحقق أحد بعد من هذا المدخل لدى المنظمة المسؤولة عنه. قد تكون المعلومات قديمة.
entry-verified = آخر تحقق في { $date }
entry-facts = التفاصيل
entry-record = عن هذا المدخل
entry-origin = كُتب في
entry-verified-by = تم التحقق من التوقيع هنا
entry-here-since = موجود هنا منذ
entry-owner = تعتني به
entry-created = أُدخل في
entry-modified = آخر تغيير
entry-available-from = متاح من
entry-available-until = متاح حتى
entry-license = ترخيص البيانات
entry-uri = العنوان الدائم
entry-sources = المصادر
entry-source-of = بتاريخ { $date }
entry-same-as = المدخل نفسه في مواقع أخرى
entry-as-json = هذا المدخل كبيانات (JSON)
entry-status = الحالة
entry-machine-translated = ترجمة آلية
entry-in-language = بلغة: { $language }

confidence-high = مؤكد
confidence-medium = مفترض جزئياً
confidence-low = معلن عنه أو مشكوك فيه

yes = نعم
no = لا

## Kinds
kind-organisation = منظمة
kind-offer = عرض
kind-contact-point = نقطة اتصال
kind-pathway = مسار
kind-quality-standard = معيار جودة
kind-self-assessment = تقييم ذاتي
kind-assessment-review = مراجعة تقييم ذاتي
kind-event = فعالية
kind-publication = منشور
kind-need = احتياج

## Imprint and privacy
imprint-title = بيانات الناشر
privacy-title = حماية البيانات
legal-not-set = لم يُدخل مشغل هذه العقدة هذا النص بعد. وعلى من يشغل عقدة للجمهور أن يفعل ذلك.
privacy-software = ما الذي تفعله البرمجية
privacy-software-accounts = لا يحتاج الباحث عن المشورة إلى حساب.
privacy-software-cookies = لا تضع هذه الصفحات ملفات تعريف ارتباط ولا تحمّل شيئاً من خوادم أخرى.
privacy-software-logs = ما تبحث عنه لا يُكتب في أي سجل.
privacy-regime = قانون حماية البيانات المطبق هنا: { $regime }

## Errors
error-not-found = غير موجود
error-not-found-text = هذه الصفحة غير موجودة أو ليست متاحة للجمهور.
error-bad-request = لم ينجح ذلك
error-bad-request-text = يحتوي العنوان على مرشح أو قيمة لا تعرفها هذه الصفحة.
error-unavailable = غير متاح حالياً
error-unavailable-text = ما زال الدليل قيد التحميل. يرجى المحاولة بعد لحظة.
