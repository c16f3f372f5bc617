// Judges GalSync's samples (samples.yaml) as Flux and Argo CD would: by kstatus' own code, and by the health scripts
// that we ship for Argo CD in the Lua interpreter that Argo CD uses. What is right stands in expected.yaml.
//
//	judge SAMPLES EXPECTED FOLDER-OF-HEALTH-SCRIPTS
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type verdict struct {
	Kstatus string `json:"kstatus"`
	Argo    string `json:"argo"`
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: judge SAMPLES EXPECTED FOLDER-OF-HEALTH-SCRIPTS")
	}
	var samples map[string]map[string]any
	read(os.Args[1], &samples)
	var expected map[string]verdict
	read(os.Args[2], &expected)

	names := map[string]bool{}
	for name := range samples {
		names[name] = true
	}
	for name := range expected {
		names[name] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	wrong := 0
	for _, name := range sorted {
		sample, isSample := samples[name]
		wanted, isExpected := expected[name]
		if !isSample || !isExpected {
			fmt.Printf("%s: is a sample: %t, is expected: %t\n", name, isSample, isExpected)
			wrong++
			continue
		}
		found := verdict{judgeByKstatus(name, sample), judgeByArgo(name, sample, os.Args[3])}
		if found != wanted {
			fmt.Printf("%s: is {kstatus: %s, argo: %s}, should be {kstatus: %s, argo: %s}\n", name, found.Kstatus, found.Argo, wanted.Kstatus, wanted.Argo)
			wrong++
		}
	}
	if wrong > 0 {
		fail("%d of %d samples are not judged as they should be", wrong, len(sorted))
	}
	fmt.Printf("%d samples are judged right\n", len(sorted))
}

func judgeByKstatus(name string, sample map[string]any) string {
	result, err := status.Compute(&unstructured.Unstructured{Object: sample})
	if err != nil {
		fail("%s: kstatus: %v", name, err)
	}
	return result.Status.String()
}

// As Argo CD does it: obj is the object, the script returns a table with status and message.
func judgeByArgo(name string, sample map[string]any, folder string) string {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.StringLibName, lua.OpenString}} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}, lua.LString(library.name)); err != nil {
			fail("Lua's %s: %v", library.name, err)
		}
	}
	script := filepath.Join(folder, sample["kind"].(string), "health.lua")
	text, err := os.ReadFile(script)
	if err != nil {
		fail("%v", err)
	}
	state.SetGlobal("obj", value(state, sample))
	if err := state.DoString(string(text)); err != nil {
		fail("%s: %s: %v", name, script, err)
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		fail("%s: %s returns no table", name, script)
	}
	if message, ok := table.RawGetString("message").(lua.LString); !ok || message == "" {
		fail("%s: %s says nothing", name, script)
	}
	return table.RawGetString("status").String()
}

func value(state *lua.LState, plain any) lua.LValue {
	switch plain := plain.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, field := range plain {
			table.RawSetString(key, value(state, field))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range plain {
			table.Append(value(state, item))
		}
		return table
	case string:
		return lua.LString(plain)
	case bool:
		return lua.LBool(plain)
	case int64:
		return lua.LNumber(plain)
	case float64:
		return lua.LNumber(plain)
	case nil:
		return lua.LNil
	default:
		fail("a value of type %T", plain)
		return nil
	}
}

func read(file string, into any) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		fail("%s: %v", file, err)
	}
	// kstatus wants whole numbers, as the API machinery reads them.
	if samples, ok := into.(*map[string]map[string]any); ok {
		for _, sample := range *samples {
			whole(sample)
		}
	}
}

func whole(plain any) any {
	switch plain := plain.(type) {
	case map[string]any:
		for key, field := range plain {
			plain[key] = whole(field)
		}
	case []any:
		for at, item := range plain {
			plain[at] = whole(item)
		}
	case float64:
		return int64(plain)
	}
	return plain
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
