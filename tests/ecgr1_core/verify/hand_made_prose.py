"""Sentences as readings have them about the hand-made ECGs, one a line: true ones and false ones."""

from __future__ import annotations

TRUE_PROSE: dict[str, str] = {
    "normal": """
The technical quality of the tracing is adequate with a stable baseline and no significant artifact.
The rhythm is regular with a consistent P wave preceding every QRS complex, confirming sinus rhythm.
Upright P waves in leads I, II, and aVF with an inverted P wave in aVR confirm a sinus origin.
The ventricular rate is calculated at 72 bpm, which falls within the normal range of 60–100 bpm.
The RR intervals are constant at roughly 833 ms, so there is no evidence of atrial fibrillation.
The PR interval is 160 ms, which is within the normal limits (120–200 ms), ruling out first-degree AV block and \
pre-excitation.
QRS duration is 92 ms (<120 ms), excluding bundle branch block and ventricular pre-excitation.
The mean QRS axis is approximately 45 degrees, consistent with a normal axis.
QRS axis: normal (QRS positive in I and aVF).
The QTc interval is 416 ms (Bazett), below the 450 ms threshold for men.
The QT/QTc of 380/416 ms argues against long QT syndrome.
S-wave depth in V1 (9 mm) plus R-wave height in V5 (15 mm) is 24 mm, which does not meet the Sokolow-Lyon \
criterion of 35 mm.
R wave in aVL measures 3 mm, well below the 11 mm cut-off.
The R/S transition occurs between V3 and V4.
R waves increase progressively from V1 to V4.
There is no ST-segment deviation in any lead; the J point is at the baseline.
No ST elevation ≥1 mm is seen in two contiguous leads.
ST segments are isoelectric without depression exceeding 0.5 mm.
T waves are concordant and upright in the lateral leads.
Absence of T wave inversions and pathological Q waves makes ischemia unlikely.
There are no hyperacute T waves to suggest hyperkalemia.
Neither U waves nor QT prolongation is present, arguing against hypokalemia.
P-wave duration is 104 ms and amplitude in lead II is 1.2 mm, so atrial enlargement is not present.
No signs of chamber enlargement.
Overall, this is a normal sinus rhythm ECG with no acute abnormalities.
Normal sinus rhythm, normal axis, normal intervals, no acute ST-T changes.
NSR 72, PR 160, QRS 92, QTc 416, axis 45.
Rate 72. Rhythm: sinus. Axis: normal. PR: 160 ms. QRS: 92 ms. QTc: 416 ms.
No AV block, no BBB, no LVH, no ischaemia.
HR 72/min; PR 0,16 s; QRS 0,09 s; QT 0,38 s.
There is no evidence to suggest acute myocardial infarction.
Q waves are not deep or wide.
The QRS complexes are of normal voltage and duration.
No evidence of low voltage in limb leads, with the largest QRS about 1.1 mV.
Delta waves are not appreciated.
Pauses longer than 2 s do not occur.
No ectopic beats were recorded during the 10-second strip.
Heart rate between 60 and 100 bpm.
The heart rate is neither slow nor fast.
PR is less than 200 ms and greater than 120 ms.
The PR interval is not less than 120 ms.
Lead V2: rS complex, ST isoelectric, T upright.
aVR: negative P, QRS and T.
In V1 the T wave is upright; in V5 R is 15 mm.
The corrected QT is not longer than 450 ms.
The frontal axis lies between 0° and 90°.
Septal q waves in I, V5, V6 are small and narrow, consistent with normal septal depolarization.
Ventricular rate: 72 beats/min (normal: 60-100).
A normal PR interval of 160 ms.
An R wave of 15 mm in V5.
This patient does not have left bundle branch block.
Left bundle branch block is not present, as the QRS is only 92 ms.
The ECG shows no features of pericarditis such as diffuse ST elevation.
ST-T segments are normal.
No STEMI criteria.
R-wave amplitude is largest in V5 at 1.5 mV.
S V1 9 mm, R V6 11 mm: sum 20 mm.
T wave inversion is confined to aVR.
Sinus rhythm is evident: each QRS is preceded by a P wave that is positive in II and negative in aVR.
With a rate of 72 bpm, neither bradycardia nor tachycardia is present.
The P-R interval lies at 0.16 sec and is constant.
PQ time 160 ms; QRS width 92 ms; QT time 380 ms.
QRS: 92ms (narrow).
QTc(B)=416ms; QTc(F)=404ms
The QTc by Fridericia's formula is 404 ms.
QT = 380 ms, QTc = 416 ms (Bazett's formula).
The axis lies at plus 45 degrees.
P in II is 0.12 mV tall.
The tallest R wave is found in V5 (1.5 mV).
ST level in V2 is +0.04 mV.
V1 shows an rS complex with an upright T wave.
No rsR' in V1.
The T waves are neither inverted nor peaked.
There are no signs of right ventricular hypertrophy: R in V1 is 2 mm.
In the absence of ST elevation, pericarditis is unlikely.
While the T wave in aVR is inverted, this is normal.
Apart from an inverted T wave in aVR, all T waves are upright.
I see no evidence of prior infarction.
No Q waves deeper than 1 mm.
No Q wave wider than 30 ms.
There is nothing to suggest long QT.
Hypertrophy is not supported by voltage.
The electrocardiogram is within normal limits.
An otherwise normal ECG without ectopy.
Precordial voltages are normal.
QRS duration normal; axis normal; no hypertrophy.
No acute changes.
Baseline is steady; no leads are off.
All intervals are normal.
No evidence for WPW: PR 160 ms and no delta wave.
Criteria for LVH (S V1 + R V5 > 35 mm) are not met.
The Sokolow index, 24 mm, is normal.
Cornell index 11 mm (limit 28 mm).
QRS 80–100 ms.
Rate 70-75/min.
PR 150 to 170 ms.
Not a bundle branch block.
T axis 40°.
U waves are not visible.
""",
    "fibrillation": """
The baseline shows fibrillatory waves without identifiable P waves, and the ventricular response is irregularly \
irregular at about 130 bpm.
Atrial fibrillation with RVR, ventricular rate 110–150 bpm.
There is no organized atrial activity, P waves cannot be identified.
R-R intervals range from 350 to 700 ms.
Sinus rhythm is not present.
AF, rate 130, normal QRS.
The rhythm lacks P waves.
The absence of P waves with variable R-R intervals establishes atrial fibrillation.
QRS remains narrow at 92 ms despite the rapid rate.
Not sinus rhythm.
No P wave is followed by a QRS complex.
No P waves, irregular RR intervals and a fast ventricular rate: atrial fibrillation.
Ventricular rate ranging from 90 to 165 bpm.
The atrial rhythm is fibrillation; the QRS complexes are narrow.
Tachyarrhythmia with absent P waves.
Fast AF.
Mean ventricular rate 130/min.
The rhythm is not regular.
""",
    "lbbb": """
The QRS complex is markedly widened at 152 ms with a QS pattern in V1 and broad monophasic R waves in I, aVL, \
V5 and V6, consistent with complete LBBB.
The QRS axis is deviated to the left at −48°, meeting the criterion of < −30°.
QRS ≥ 120 ms confirms a conduction delay.
T waves are inverted in the lateral leads (I, aVL, V5, V6), discordant to the QRS.
The axis is leftward beyond −30 degrees.
ST depression of about 1 mm in V5–V6 is secondary to the conduction abnormality.
QRS 0.152 s.
The QRS is not narrow.
Lateral T-wave inversion is present with ST depression in I and aVL.
R in V6 is 13 mm without a q wave.
The absence of septal q waves in I and V6 supports LBBB.
Wide QRS (152 ms) due to LBBB rather than RBBB.
QRS 150 ms with LBBB morphology; left axis.
LBBB: QRS 152 ms, QS in V1, no septal q in I, aVL, V5, V6.
Secondary ST depression and T wave inversion in I, aVL, V5-6.
The axis of −48° is left of −30°.
QRS duration is abnormally prolonged.
There is no narrow QRS.
Left axis deviation without left anterior fascicular block cannot be separated here.
""",
    "inferior": """
There is 2–3 mm of ST elevation in the inferior leads (II, III, aVF) with reciprocal depression in I and aVL.
ST-segment elevation is present in leads II, III, and aVF, measuring up to 2.5 mm.
Findings are consistent with an acute inferior STEMI.
PR prolonged at 240 ms (normal 120–200 ms), i.e. first-degree AV block.
Leads V1–V6 show no ST deviation.
Inferior ST elevation of 0.25 mV; reciprocal ST depression of 0.15 mV in I and aVL.
Pathological Q waves (50 ms, 3.5 mm) in III and aVF.
ST elevation in II, III, aVF but not in V1–V4.
The PR interval exceeds 200 ms.
PR interval 0.24 seconds, exceeding the upper limit of 0.20 s.
No ST elevation is seen in the anterior leads.
Hyperacute inferior infarction: ST up 2.5 mm in II/III/aVF.
ST elevation II, III, aVF; ST depression I, aVL.
Leads II, III and aVF exhibit 2.5 mm of ST-segment elevation.
ST ↑ in II, III, aVF.
1st degree AV block, PR 240 ms.
The elevation of the ST segment is limited to the inferior leads.
The anterior leads are spared from ST elevation.
V1–V6: no ST elevation.
An inferior STEMI with reciprocal lateral depression.
Q waves in II, III and aVF indicate that the infarction is not new.
""",
    "hypertrophy": """
The sum of S in V1 (20 mm) and R in V5 (31 mm) is 51 mm, exceeding 35 mm.
SV1 + RV5 = 5.1 mV (criterion > 3.5 mV), so LVH by Sokolow-Lyon is met.
ST depression and asymmetric T-wave inversion in V5–V6 represent a strain pattern.
QTc is markedly prolonged at 515 ms (> 500 ms).
The QT interval is long (470 ms).
Cornell criteria are not met.
High QRS voltage.
T waves are negative in V5 and V6.
LVH with secondary repolarization abnormality.
S V1 20 mm + R V5 31 mm = 51 mm.
The R wave in V5 is tall (3.1 mV).
Voltage criteria for LVH are exceeded.
QTc is > 500 ms.
QTc of about 500 ms.
T inversions laterally with ST depression.
LVH with strain; QT prolonged.
""",
    "slow": """
The heart rate of 44 bpm indicates sinus bradycardia.
Marked bradycardia below 50 bpm.
Occasional PVCs interrupt sinus rhythm.
Two ventricular extrasystoles.
The rate is not normal.
Frequent ventricular ectopy is noted.
QTc is short at 340 ms.
Ventricular rate only 44/min.
The rhythm is slow, below 50 bpm.
Wide premature beats are seen.
Sinus bradycardia with PVCs.
""",
}

FALSE_PROSE: dict[str, str] = {
    "normal": """
The tracing shows significant baseline wander and muscle artifact in most leads.
The rhythm is irregular with no discernible P waves, suggesting atrial fibrillation.
Ventricular rate is calculated at 118 bpm, which is above the normal range of 60–100 bpm.
The RR intervals are variable.
The R-R interval is 480 ms.
P waves cannot be identified before the QRS complexes.
P waves are inverted in leads II, III and aVF.
The PR interval is prolonged at 232 ms (normal 120–200 ms), consistent with first-degree AV block.
PR is shortened to 0.09 s.
QRS duration is 146 ms (>120 ms), indicating an intraventricular conduction delay.
There is a wide QRS complex with a broad notched R wave in V6.
The mean QRS axis is approximately -55 degrees, consistent with left axis deviation.
The axis is deviated rightward at +115°.
The QTc is 498 ms, exceeding the 450 ms threshold for men.
The QT interval appears prolonged.
S in V1 (22 mm) plus R in V5 (24 mm) is 46 mm, which exceeds 35 mm.
R wave in aVL measures 14 mm, above the 11 mm cut-off.
There is a dominant R wave in V1.
R waves fail to progress from V1 to V4.
Loss of R wave progression in V1–V4.
ST segments are elevated by 2 mm in V2–V4.
There is horizontal ST depression in the lateral leads.
ST elevation is seen in leads I and aVL with reciprocal depression in the inferior leads.
T waves are flattened in the anterior leads.
Deep symmetric T-wave inversions are present in V2–V4.
Tall peaked T waves in V2–V4 suggest hyperkalemia.
Pathological Q waves are noted in the inferior leads, consistent with prior inferior MI.
Voltage in the limb leads is low.
Frequent PVCs in a bigeminal pattern.
The rhythm is paced.
A delta wave with a short PR interval suggests pre-excitation.
Heart rate is less than 50 bpm.
The PR interval exceeds 200 ms.
The heart rate is not within the normal range.
The axis is not normal.
Sinus rhythm is not present.
No P waves precede the QRS complexes.
T waves in V5 and V6 are negative.
The T wave in V3 is inverted.
QRS complexes are broad.
QTc 510.
HR 130, PR 160, QRS 92.
Axis -70.
Left axis.
There are premature atrial complexes.
Complete heart block is present.
Neither sinus rhythm nor a regular rhythm is present.
RBBB pattern with rSR' in V1.
P waves are broad (150 ms) and tall (4 mm) in lead II.
QS complexes in V1–V4.
The transition zone is at V6.
R in V3 is 1 mm.
The ST segment is depressed 1.5 mm in II, III and aVF.
The QRS is 0.16 seconds wide.
Irregular rhythm.
Sinus bradycardia at 48 bpm.
No sinus rhythm but atrial flutter.
This ECG shows an acute anterior wall infarction.
There is no normal R-wave progression.
Abnormal left axis deviation of -45°.
Rate: 40/min.
""",
    "fibrillation": """
Normal sinus rhythm with P waves before each QRS complex.
The rhythm is regular at 130 bpm.
P waves are visible in lead II.
Heart rate is normal.
There is no irregularity of the RR intervals.
The RR intervals are constant.
Sinus tachycardia at 130 bpm.
Regularly spaced QRS complexes.
AF is excluded.
A controlled ventricular rate of 70 bpm.
Bradycardia.
RR intervals do not vary.
""",
    "lbbb": """
The QRS complex is narrow (88 ms), excluding bundle branch block.
Normal intraventricular conduction.
QRS duration is within normal limits.
The QRS axis is normal.
The axis is +20°.
RBBB is present.
No ST-T changes are seen in the lateral leads.
T waves are upright in I and aVL.
There is an rSR' pattern in V1.
No conduction delay.
No evidence of LBBB.
The QRS is less than 110 ms.
Broad QRS is not seen.
Incomplete right bundle branch block.
""",
    "inferior": """
ST segments are isoelectric in all leads.
No ST elevation in the inferior leads.
ST elevation in V1–V4 suggests anterior STEMI.
The PR interval is normal at 160 ms.
There is no first-degree AV block.
No reciprocal ST depression in I or aVL.
No pathological Q waves.
ST depression in II, III and aVF.
No evidence of acute infarction.
ST elevation of 1 mm in II, III and aVF.
Lateral ST elevation in V5 and V6.
PR < 200 ms.
The ST segment is normal in III.
""",
    "hypertrophy": """
LVH voltage criteria are not fulfilled.
SV1 + RV5 = 26 mm.
There is no evidence of left ventricular hypertrophy.
QTc is normal at 420 ms.
QT is within normal limits.
No strain pattern.
T waves are upright in the lateral precordial leads.
The Sokolow-Lyon index is 28 mm, below the 35 mm limit.
No ST depression in V5–V6.
R in V5 is 12 mm.
""",
    "slow": """
Normal sinus rhythm at 75 bpm.
Heart rate is within normal limits.
Tachycardia is present.
No ectopic beats are seen.
No PVCs.
The ventricular rate is above 60 bpm.
The rate is neither slow nor fast.
""",
}

NO_CLAIM_PROSE = """
ST elevation of more than 1 mm in two contiguous leads is required for STEMI.
In WPW the PR interval is short and the QRS is wide.
LBBB is diagnosed when the QRS exceeds 120 ms.
The upper limit of the PR interval is 200 ms.
Axis between −30° and +90° is normal.
One should exclude left anterior fascicular block.
Should ST elevation develop, repeat the ECG.
Hyperkalemia causes peaked T waves and a wide QRS.
Patients with LVH often show T-wave inversion in V5–V6.
A PR interval longer than 200 ms defines first-degree AV block.
Bundle branch block means a QRS of 120 ms or more.
For LVH, S V1 + R V5 must exceed 35 mm.
The differential diagnosis includes pericarditis and early repolarisation.
Prior ECG showed left bundle branch block.
The patient had atrial fibrillation in 2019.
Rule out hyperkalemia.
Previously documented Q waves in III.
To diagnose AF, P waves must be absent.
QTc > 500 ms carries a high risk of torsades.
ST depression can be seen with digitalis.
An axis of −45° to −90° would suggest left anterior fascicular block.
T-wave inversion in V1–V3 is a normal variant in young women.
Clinical correlation is advised to exclude ischemia.
Whether there is atrial flutter cannot be determined.
"""
