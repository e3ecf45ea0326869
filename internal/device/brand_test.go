package device

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBrands(t *testing.T) {
	rules, err := parseBrands(brandsCSV)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"Xiaomi Communications Co Ltd":                                   "Xiaomi",
		"Beijing Xiaomi Mobile Software Co., Ltd":                        "Xiaomi",
		"XIAOMI Electronics,CO.,LTD":                                     "Xiaomi",
		"Samsung Electronics Co.,Ltd":                                    "Samsung",
		"SAMSUNG ELECTRO-MECHANICS(THAILAND)":                            "Samsung Electro-Mechanics",
		"Apple, Inc.":                                                    "Apple",
		"Apple Tree Systems Ltd":                                         "Apple Tree Systems",
		"HUAWEI TECHNOLOGIES CO.,LTD":                                    "Huawei",
		"Huawei Device Co., Ltd.":                                        "Huawei",
		"Honor Device Co., Ltd.":                                         "Honor",
		"SHENZHEN HONOR ELECTRONIC CO.,LTD":                              "Shenzhen Honor Electronic",
		"GUANGDONG OPPO MOBILE TELECOMMUNICATIONS CORP.,LTD":             "OPPO",
		"Dongguan Koppo Electronic Co.,Ltd":                              "Dongguan Koppo Electronic",
		"vivo Mobile Communication Co., Ltd.":                            "vivo",
		"Vivotek, Inc.":                                                  "Vivotek",
		"OnePlus Technology (Shenzhen) Co., Ltd":                         "OnePlus",
		"Realme Chongqing MobileTelecommunications Corp Ltd":             "realme",
		"Motorola Mobility LLC, a Lenovo Company":                        "Motorola",
		"Motorola (Wuhan) Mobility Technologies Communication Co., Ltd.": "Motorola",
		"Motorola Solutions Inc.":                                        "Motorola Solutions",
		"Google, Inc.":                                                   "Google",
		"Nokia Danmark A/S":                                              "Nokia",
		"Nokia":                                                          "Nokia Networks",
		"HMD Global Oy":                                                  "HMD",
		"Sony Interactive Entertainment Inc.":                            "Sony PlayStation",
		"Sony Corporation":                                               "Sony",
		"LG Electronics (Mobile Communications)":                         "LG",
		"zte corporation":                                                "ZTE",
		"ZTEC Instruments, Inc.":                                         "ZTEC Instruments",
		"Nubia Technology Co.,Ltd.":                                      "nubia",
		"TCT mobile ltd":                                                 "TCL",
		"HUIZHOU TCL COMMUNICATION ELECTRON CO.,LTD":                     "TCL",
		"TECNO MOBILE LIMITED":                                           "Tecno",
		"Ascon Tecnologic S.r.l.":                                        "Ascon Tecnologic",
		"ITEL MOBILE LIMITED":                                            "itel",
		"ASUSTek COMPUTER INC.":                                          "Asus",
		"MEIZU Technology Co., Ltd.":                                     "Meizu",
		"FairPhone B.V.":                                                 "Fairphone",
		"\u200bAsung Techno CO.,Ltd":                                     "Asung Techno",
		"Co., Ltd.":                                                      "Co.",
	}
	for organisation, want := range tests {
		if got := rules.brand(organisation); got != want {
			t.Errorf("%q: %q, want %q", organisation, got, want)
		}
	}
	if n := len(rules.names()); n < 60 {
		t.Errorf("only %d brands", n)
	}
	for _, bad := range []string{"pattern,brand\nA b,X\n", "pattern,brand\n,X\n", "pattern,brand\na,\n", "pattern,brand\na\n", "pattern,brand\na," + strings.Repeat("x", 65) + "\n"} {
		if _, err := parseBrands(bad); err == nil || !strings.Contains(err.Error(), "brands.csv") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzBrand(f *testing.F) {
	rules, err := parseBrands(brandsCSV)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Xiaomi Communications Co Ltd")
	f.Add("杭州德澜科技有限公司（HangZhou Delan Technology Co.，Ltd")
	f.Fuzz(func(t *testing.T, name string) {
		got := rules.brand(name)
		if len(got) > maxVendorBytes || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Errorf("%q became %q", name, got)
		}
	})
}
