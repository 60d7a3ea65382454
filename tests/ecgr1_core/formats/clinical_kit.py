"""Files of clinical formats made for tests: whole counts of 5 µV, [leads, samples], by their formats' descriptions."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence

import numpy as np

from ecgr1_core.formats.leads import LEAD_NUMBERS

MICROVOLTS = 5  # of a count


def muse_xml(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500, unit: str | None = "MICROVOLTS") -> bytes:
    """GE MUSE RestingECG: little-endian counts in Base64, what the device measured, the physician who confirmed."""
    waves = "".join(
        f"<LeadData><LeadByteCountTotal>{2 * row.size}</LeadByteCountTotal><LeadSampleCountTotal>{row.size}"
        f"</LeadSampleCountTotal><LeadSampleSize>2</LeadSampleSize>"
        + ("" if unit is None else f"<LeadAmplitudeUnitsPerBit>{MICROVOLTS}</LeadAmplitudeUnitsPerBit>"
           f"<LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits>")
        + f"<LeadID>{lead}</LeadID><WaveFormData>{base64.b64encode(row.astype('<i2').tobytes()).decode()}"
        "</WaveFormData></LeadData>"
        for lead, row in zip(leads, counts, strict=True)
    )  # fmt: skip
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<RestingECG><MuseInfo><MuseVersion>9.0</MuseVersion></MuseInfo>
<PatientDemographics><PatientID>4711</PatientID><PatientLastName>Doe</PatientLastName><PatientAge>59</PatientAge>
<AgeUnits>YEARS</AgeUnits><Gender>FEMALE</Gender></PatientDemographics>
<RestingECGMeasurements><VentricularRate>75</VentricularRate><PRInterval>160</PRInterval><QRSDuration>90</QRSDuration>
<QTInterval>400</QTInterval><QTCorrected>447</QTCorrected><PAxis>50</PAxis><RAxis>40</RAxis><TAxis>30</TAxis>
</RestingECGMeasurements>
<Diagnosis><Modality>RESTING</Modality><DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag>
<StmtText>Normal sinus rhythm</StmtText></DiagnosisStatement></Diagnosis>
<Waveform><WaveformType>Rhythm</WaveformType><SampleBase>{rate_hz}</SampleBase><SampleExponent>0</SampleExponent>
{waves}</Waveform></RestingECG>""".encode()


def cardiosoft_xml(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500, unit: str = "uVperLsb") -> bytes:
    """GE CardioSoft: counts separated by commas, several lines of them."""
    waves = "".join(
        f'<WaveformData lead="{lead}">\t\t' + ",\n".join(",".join(map(str, part)) for part in np.array_split(row, 5))
        + "</WaveformData>"
        for lead, row in zip(leads, counts, strict=True)
    )  # fmt: skip
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<CardiologyXML><ObservationType>RestECG</ObservationType>
<PatientInfo><PID>4711</PID><Name><FamilyName>Doe</FamilyName></Name><Age units="YEARS">59</Age><Gender>FEMALE</Gender>
</PatientInfo>
<Interpretation><Diagnosis><DiagnosisText>Normal sinus rhythm</DiagnosisText><DiagnosisText>---</DiagnosisText>
</Diagnosis></Interpretation>
<RestingECGMeasurements><VentricularRate units="BPM">75</VentricularRate><PQInterval units="ms">160</PQInterval>
<QRSDuration units="ms">90</QRSDuration><QTInterval units="ms">400</QTInterval><QTCInterval units="ms">447</QTCInterval>
<PAxis units="degrees">50</PAxis><RAxis units="degrees">40</RAxis><TAxis units="degrees"></TAxis>
</RestingECGMeasurements>
<StripData><NumberOfLeads>{len(counts)}</NumberOfLeads><SampleRate units="Hz">{rate_hz}</SampleRate>
<ChannelSampleCountTotal>{counts.shape[1]}</ChannelSampleCountTotal><Resolution units="{unit}">{MICROVOLTS}</Resolution>
{waves}</StripData></CardiologyXML>""".encode("latin-1")


def aecg_xml(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500, unit: str = "uV") -> bytes:
    """HL7 aECG: one rhythm series, origin and scale beside each lead's digits."""
    sequences = "".join(
        f'<component><sequence classCode="OBS"><code code="MDC_ECG_LEAD_{lead.upper()}" '
        'codeSystem="2.16.840.1.113883.6.24"/><value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="{unit}"/><scale value="{MICROVOLTS}" unit="{unit}"/>'
        f"<digits>{' '.join(map(str, row))}</digits></value></sequence></component>"
        for lead, row in zip(leads, counts, strict=True)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">
<id root="61d1a24f-b47e-41aa-ae95-f8ac302f4eeb"/>
<code code="93000" codeSystem="2.16.840.1.113883.6.12"/><effectiveTime><center value="20021122091000"/></effectiveTime>
<component><series><code code="RHYTHM" codeSystem="2.16.840.1.113883.5.4"/>
<effectiveTime><low value="20021122091000"/><high value="20021122091010"/></effectiveTime>
<component><sequenceSet><component><sequence><code code="TIME_ABSOLUTE" codeSystem="2.16.840.1.113883.5.4"/>
<value xsi:type="GLIST_TS"><head value="20021122091000"/><increment value="{1 / rate_hz}" unit="s"/></value></sequence>
</component>{sequences}</sequenceSet></component></series></component></AnnotatedECG>""".encode()


def mortara_xml(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500) -> bytes:
    """Mortara ELI: little-endian counts in Base64, so many of them to the millivolt, what the device measured."""
    waves = "".join(
        f'<CHANNEL OFFSET="0" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{1000 // MICROVOLTS}" DURATION="{row.size}" '
        f'NAME="{lead}" SAMPLE_FREQ="{rate_hz}" ENCODING="BASE64" '
        f'DATA="{base64.b64encode(row.astype("<i2").tobytes()).decode()}"/>'
        for lead, row in zip(leads, counts, strict=True)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ECG ACQUISITION_TIME="20021122091000" AGE="59" AGE_UNITS="YEARS" VENT_RATE="75">
<SUBJECT LAST_NAME="Doe" FIRST_NAME="Jane" ID="4711" GENDER="FEMALE" DOB="19430724"/>
<SOURCE TYPE="RESTING" MANUFACTURER="MORTARA INSTRUMENT, INC." MODEL="ELI 250"/>
<AUTOMATIC_INTERPRETATION><STATEMENT TEXT="Normal sinus rhythm" REASON=""/></AUTOMATIC_INTERPRETATION>
<TYPICAL_CYCLE PR_DURATION="160" QRS_DURATION="90" QT="400" QTC="447" P_AXIS="50" QRS_AXIS="40" T_AXIS="30"/>
{waves}</ECG>""".encode()


def edf(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500, unit: str = "uV") -> bytes:
    """EDF (Kemp 1992): records of one second, counts of 5 `unit` over the whole 16 bits."""
    seconds, many = counts.shape[1] // rate_hz, len(leads)
    head = f"{'0':<8}{'X F 24-JUL-1943 Doe':<80}{'Startdate 22-NOV-2002 X X X':<80}22.11.0209.10.00"
    head += f"{256 * (many + 1):<8}{'':<44}{seconds:<8}{1:<8}{many:<4}"
    low, high = MICROVOLTS * -32768, MICROVOLTS * 32767
    fields = [
        (16, [f"ECG {lead}" for lead in leads]), (80, [""] * many), (8, [unit] * many), (8, [str(low)] * many),
        (8, [str(high)] * many), (8, ["-32768"] * many), (8, ["32767"] * many), (80, [""] * many),
        (8, [str(rate_hz)] * many), (32, [""] * many),
    ]  # fmt: skip
    head += "".join(f"{value:<{width}}" for width, values in fields for value in values)
    parts = counts[:, : seconds * rate_hz].reshape(many, seconds, rate_hz).transpose(1, 0, 2)
    return head.encode("ascii") + parts.astype("<i2").tobytes()


def ishne(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500) -> bytes:
    """ISHNE (Badilini 1998): a fixed header of 512 bytes and the samples of all leads in turn, counts of 5000 nV."""
    numbers = {"I": 5, "II": 6, "III": 7, "aVR": 8, "aVL": 9, "aVF": 10,
               "V1": 11, "V2": 12, "V3": 13, "V4": 14, "V5": 15, "V6": 16}  # fmt: skip
    many = len(leads)

    def twelve(values: Sequence[int]) -> bytes:
        return struct.pack("<12h", *(list(values) + [-9] * (12 - many)))

    block = struct.pack("<iiiih", 0, counts.shape[1], 522, 522, 1)
    block += b"Jane".ljust(40, b"\0") + b"Doe".ljust(40, b"\0") + b"4711".ljust(20, b"\0")
    block += struct.pack("<hh", 2, 0) + struct.pack("<9h", 24, 7, 1943, 22, 11, 2002, 22, 11, 2002)
    block += struct.pack("<3h", 9, 10, 0) + struct.pack("<h", many)
    block += twelve([numbers[lead] for lead in leads]) + twelve([1] * many) + twelve([1000 * MICROVOLTS] * many)
    block += struct.pack("<h", 0) + b"digital".ljust(40, b"\0") + struct.pack("<h", rate_hz)
    body = block.ljust(512, b"\0")[:512]
    return b"ISHNE1.0" + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body + counts.T.astype("<i2").tobytes()


def mfer(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500) -> bytes:
    """MFER (ISO 22077-1): definitions, big-endian, and the counts of a microvolt times five, lead after lead."""
    numbers = {name: number for number, name in LEAD_NUMBERS.items()}

    def definition(tag: int, value: bytes, *more: int) -> bytes:
        length = bytes([len(value)]) if len(value) < 128 else b"\x84" + struct.pack(">I", len(value))
        return bytes([tag, *more]) + length + value

    channels = b"".join(
        definition(0x3F, definition(0x09, struct.pack(">H", numbers[lead])), number)
        for number, lead in enumerate(leads)
    )
    return b"".join((
        definition(0x40, b"MFR Standard 12 leads ECG       "), definition(0x01, b"\0"),
        definition(0x81, b"Doe^^Jane"), definition(0x82, b"4711"), definition(0x84, b"\2"),
        definition(0x83, struct.pack(">BHHBB", 59, 0, 1943, 7, 24)),
        definition(0x85, struct.pack(">HBBBBBHH", 2002, 11, 22, 9, 10, 0, 0, 0)),
        definition(0x0B, struct.pack(">BbH", 1, -6, 1_000_000 // rate_hz)),
        definition(0x0C, struct.pack(">BbH", 0, -6, MICROVOLTS)), definition(0x0A, b"\0"),
        definition(0x05, bytes([len(leads)])), definition(0x04, struct.pack(">H", counts.shape[1])),
        definition(0x06, b"\1"), channels, definition(0x1E, counts.astype(">i2").tobytes()),
    ))  # fmt: skip


def scp(counts: np.ndarray, leads: Sequence[str], rate_hz: int = 500, *, packed: bool = True) -> bytes:
    """SCP-ECG (EN 1064): patient, leads, differences of differences in default Huffman codes or plain, measurements."""
    numbers = {name: number for number, name in LEAD_NUMBERS.items()}
    tags = [(0, b"Doe\0"), (1, b"Jane\0"), (2, b"4711\0"), (4, struct.pack("<HB", 59, 1)), (8, b"\2"),
            (5, struct.pack("<HBB", 1943, 7, 24)), (25, struct.pack("<HBB", 2002, 11, 22)), (26, b"\x09\x0a\0"),
            (255, b"")]  # fmt: skip
    patient = b"".join(struct.pack("<BH", tag, len(value)) + value for tag, value in tags)
    announced = bytes([len(leads), 4 | len(leads) << 3])
    announced += b"".join(struct.pack("<IIB", 1, counts.shape[1], numbers[lead]) for lead in leads)
    rows = [_huffman(row) if packed else row.astype("<i2").tobytes() for row in counts]
    rhythm = struct.pack("<HHBB", 1000 * MICROVOLTS, 1_000_000 // rate_hz, 2 if packed else 0, 0)
    rhythm += b"".join(struct.pack("<H", len(row)) for row in rows) + b"".join(rows)
    measured = bytes([1, 0]) + struct.pack("<2H5H3h", 800, 800, 100, 200, 260, 350, 660, 50, 40, 30)
    measured += struct.pack("<H3HB", 0, 75, 75, 447, 1)
    said = b"\0" + struct.pack("<HBB3BBBH", 2002, 11, 22, 9, 10, 0, 1, 1, 20) + b"Normal sinus rhythm\0"
    parts = {1: patient, 3: announced, 6: rhythm, 7: measured, 8: said}
    if packed:
        parts[2] = struct.pack("<H", 19999)
    at, pointers, body = 6 + 16 + 10 * 12, b"", b""
    for number in range(1, 12):
        section = _section(number, parts[number]) if number in parts else b""
        pointers += struct.pack("<HII", number, len(section), at + len(body) + 1 if section else 0)
        body += section
    pointers = struct.pack("<HII", 0, 16 + 10 * 12, 7) + pointers
    whole = _section(0, pointers) + body
    sized = struct.pack("<I", 6 + len(whole)) + whole
    return struct.pack("<H", binascii.crc_hqx(sized, 0xFFFF)) + sized


def _section(number: int, data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    reserved = b"SCPECG" if number == 0 else bytes(6)
    head = struct.pack("<HIBB", number, 16 + len(data), 20, 20) + reserved
    return struct.pack("<H", binascii.crc_hqx(head + data, 0xFFFF)) + head + data


def _huffman(row: np.ndarray) -> bytes:
    """The first two counts and then second differences in the default codes of EN 1064, C.3.7.6."""
    values = np.concatenate((row[:2], np.diff(row, 2)))
    bits = ""
    for value in values.tolist():
        if abs(value) <= 8:
            bits += "1" * abs(value) + "0" + ("" if value == 0 else "01"[value < 0])
        elif -128 <= value <= 127:
            bits += f"1111111110{value & 0xFF:08b}"
        else:
            bits += f"1111111111{value & 0xFFFF:016b}"
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


CARTS: dict[str, Callable[..., bytes]] = {  # what makes a file of each format, by the format's name
    "GE MUSE XML": muse_xml,
    "GE CardioSoft XML": cardiosoft_xml,
    "HL7 aECG": aecg_xml,
    "Mortara XML": mortara_xml,
    "SCP-ECG": scp,
    "EDF": edf,
    "MFER": mfer,
    "ISHNE": ishne,
}
