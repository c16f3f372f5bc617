//! What else directories write for a country: the three letters of ISO 3166-1, its formal name where that differs,
//! and names in common use. One country a line, after its two letters.

pub(super) const OTHER_NAMES: &str = "\
AD AND|Principality of Andorra
AE ARE|UAE
AF AFG|Islamic Republic of Afghanistan
AG ATG
AI AIA
AL ALB|Republic of Albania
AM ARM|Republic of Armenia
AO AGO|Republic of Angola
AQ ATA
AR ARG|Argentine Republic
AS ASM
AT AUT|Republic of Austria|Österreich
AU AUS
AW ABW
AX ALA
AZ AZE|Republic of Azerbaijan
BA BIH|Republic of Bosnia and Herzegovina
BB BRB
BD BGD|People's Republic of Bangladesh
BE BEL|Kingdom of Belgium|België|Belgique
BF BFA
BG BGR|Republic of Bulgaria
BH BHR|Kingdom of Bahrain
BI BDI|Republic of Burundi
BJ BEN|Republic of Benin
BL BLM
BM BMU
BN BRN|Brunei Darussalam
BO BOL|Bolivia, Plurinational State of|Plurinational State of Bolivia
BQ BES
BR BRA|Federative Republic of Brazil|Brasil
BS BHS|Commonwealth of the Bahamas
BT BTN|Kingdom of Bhutan
BV BVT
BW BWA|Republic of Botswana
BY BLR|Republic of Belarus
BZ BLZ
CA CAN
CC CCK
CD COD|Congo, The Democratic Republic of the|DR Congo|Democratic Republic of the Congo
CF CAF
CG COG|Republic of the Congo
CH CHE|Swiss Confederation|Schweiz|Suisse|Svizzera
CI CIV|Republic of Côte d'Ivoire|Ivory Coast
CK COK
CL CHL|Republic of Chile
CM CMR|Republic of Cameroon
CN CHN|People's Republic of China|中国
CO COL|Republic of Colombia
CR CRI|Republic of Costa Rica
CU CUB|Republic of Cuba
CV CPV|Republic of Cabo Verde|Cape Verde
CW CUW
CX CXR
CY CYP|Republic of Cyprus
CZ CZE|Czech Republic
DE DEU|Federal Republic of Germany|Deutschland
DJ DJI|Republic of Djibouti
DK DNK|Kingdom of Denmark|Danmark
DM DMA|Commonwealth of Dominica
DO DOM
DZ DZA|People's Democratic Republic of Algeria
EC ECU|Republic of Ecuador
EE EST|Republic of Estonia
EG EGY|Arab Republic of Egypt
EH ESH
ER ERI|the State of Eritrea
ES ESP|Kingdom of Spain|España
ET ETH|Federal Democratic Republic of Ethiopia
FI FIN|Republic of Finland|Suomi
FJ FJI|Republic of Fiji
FK FLK|Falkland Islands (Malvinas)
FM FSM|Micronesia, Federated States of|Federated States of Micronesia
FO FRO
FR FRA|French Republic|République française
GA GAB|Gabonese Republic
GB GBR|United Kingdom of Great Britain and Northern Ireland|UK|Great Britain|Britain|England|Scotland|Wales|Northern Ireland
GD GRD
GE GEO
GF GUF
GG GGY
GH GHA|Republic of Ghana
GI GIB
GL GRL
GM GMB|Republic of the Gambia
GN GIN|Republic of Guinea
GP GLP
GQ GNQ|Republic of Equatorial Guinea
GR GRC|Hellenic Republic
GS SGS
GT GTM|Republic of Guatemala
GU GUM
GW GNB|Republic of Guinea-Bissau
GY GUY|Republic of Guyana
HK HKG|Hong Kong Special Administrative Region of China|Hong Kong SAR|Hong Kong S.A.R.
HM HMD
HN HND|Republic of Honduras
HR HRV|Republic of Croatia
HT HTI|Republic of Haiti
HU HUN
ID IDN|Republic of Indonesia
IE IRL
IL ISR|State of Israel
IM IMN
IN IND|Republic of India
IO IOT
IQ IRQ|Republic of Iraq
IR IRN|Iran, Islamic Republic of|Islamic Republic of Iran
IS ISL|Republic of Iceland
IT ITA|Italian Republic|Italia
JE JEY
JM JAM
JO JOR|Hashemite Kingdom of Jordan
JP JPN|日本
KE KEN|Republic of Kenya
KG KGZ|Kyrgyz Republic
KH KHM|Kingdom of Cambodia
KI KIR|Republic of Kiribati
KM COM|Union of the Comoros
KN KNA
KP PRK|Korea, Democratic People's Republic of|Democratic People's Republic of Korea
KR KOR|Korea, Republic of|Korea|Republic of Korea
KW KWT|State of Kuwait
KY CYM
KZ KAZ|Republic of Kazakhstan
LA LAO|Lao People's Democratic Republic
LB LBN|Lebanese Republic
LC LCA
LI LIE|Principality of Liechtenstein
LK LKA|Democratic Socialist Republic of Sri Lanka
LR LBR|Republic of Liberia
LS LSO|Kingdom of Lesotho
LT LTU|Republic of Lithuania
LU LUX|Grand Duchy of Luxembourg
LV LVA|Republic of Latvia
LY LBY
MA MAR|Kingdom of Morocco
MC MCO|Principality of Monaco
MD MDA|Moldova, Republic of|Republic of Moldova
ME MNE
MF MAF|Saint Martin (French part)
MG MDG|Republic of Madagascar
MH MHL|Republic of the Marshall Islands
MK MKD|Republic of North Macedonia|Macedonia|The former Yugoslav Republic of Macedonia
ML MLI|Republic of Mali
MM MMR|Republic of Myanmar|Burma
MN MNG
MO MAC|Macao Special Administrative Region of China|Macau|Macao SAR|Macau SAR
MP MNP|Commonwealth of the Northern Mariana Islands
MQ MTQ
MR MRT|Islamic Republic of Mauritania
MS MSR
MT MLT|Republic of Malta
MU MUS|Republic of Mauritius
MV MDV|Republic of Maldives
MW MWI|Republic of Malawi
MX MEX|United Mexican States
MY MYS
MZ MOZ|Republic of Mozambique
NA NAM|Republic of Namibia
NC NCL
NE NER|Republic of the Niger
NF NFK
NG NGA|Federal Republic of Nigeria
NI NIC|Republic of Nicaragua
NL NLD|Kingdom of the Netherlands|Holland|The Netherlands|Nederland
NO NOR|Kingdom of Norway|Norge
NP NPL|Federal Democratic Republic of Nepal
NR NRU|Republic of Nauru
NU NIU
NZ NZL
OM OMN|Sultanate of Oman
PA PAN|Republic of Panama
PE PER|Republic of Peru
PF PYF
PG PNG|Independent State of Papua New Guinea
PH PHL|Republic of the Philippines
PK PAK|Islamic Republic of Pakistan
PL POL|Republic of Poland|Polska
PM SPM
PN PCN
PR PRI
PS PSE|Palestine, State of|the State of Palestine
PT PRT|Portuguese Republic
PW PLW|Republic of Palau
PY PRY|Republic of Paraguay
QA QAT|State of Qatar
RE REU
RO ROU
RS SRB|Republic of Serbia
RU RUS|Russian Federation
RW RWA|Rwandese Republic
SA SAU|Kingdom of Saudi Arabia
SB SLB
SC SYC|Republic of Seychelles
SD SDN|Republic of the Sudan
SE SWE|Kingdom of Sweden|Sverige
SG SGP|Republic of Singapore
SH SHN|Saint Helena
SI SVN|Republic of Slovenia
SJ SJM
SK SVK|Slovak Republic
SL SLE|Republic of Sierra Leone
SM SMR|Republic of San Marino
SN SEN|Republic of Senegal
SO SOM|Federal Republic of Somalia
SR SUR|Republic of Suriname
SS SSD|Republic of South Sudan
ST STP|Democratic Republic of Sao Tome and Principe
SV SLV|Republic of El Salvador
SX SXM|Sint Maarten (Dutch part)
SY SYR|Syrian Arab Republic
SZ SWZ|Kingdom of Eswatini|Swaziland
TC TCA
TD TCD|Republic of Chad
TF ATF
TG TGO|Togolese Republic
TH THA|Kingdom of Thailand
TJ TJK|Republic of Tajikistan
TK TKL
TL TLS|Democratic Republic of Timor-Leste
TM TKM
TN TUN|Republic of Tunisia
TO TON|Kingdom of Tonga
TR TUR|Republic of Türkiye|Turkey
TT TTO|Republic of Trinidad and Tobago
TV TUV
TW TWN|Taiwan, Province of China
TZ TZA|Tanzania, United Republic of|United Republic of Tanzania
UA UKR
UG UGA|Republic of Uganda
UM UMI
US USA|United States of America|U.S.A.|U.S.|America
UY URY|Eastern Republic of Uruguay
UZ UZB|Republic of Uzbekistan
VA VAT|Holy See|Holy See (Vatican City State)
VC VCT
VE VEN|Venezuela, Bolivarian Republic of|Bolivarian Republic of Venezuela
VG VGB|Virgin Islands, British
VI VIR|Virgin Islands, U.S.|Virgin Islands of the United States
VN VNM|Viet Nam|Socialist Republic of Viet Nam
VU VUT|Republic of Vanuatu
WF WLF
WS WSM|Independent State of Samoa
YE YEM|Republic of Yemen
YT MYT
ZA ZAF|Republic of South Africa
ZM ZMB|Republic of Zambia
ZW ZWE|Republic of Zimbabwe";
