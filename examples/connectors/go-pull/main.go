// A province's connector over the pull door: receives dossiers, demands the fee, processes, returns a result.
//
// What it says is computed from what it is told, so it keeps no files: told the same again, it says the same again, under
// the same ids, and gets the verdict `duplicate`. It ends at the first fault of network or gateway: start it again.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const officer, seconds, thousandths = "Bộ phận Một cửa", "2006-01-02T15:04:05-07:00", "2006-01-02T15:04:05.000-07:00"

type object = map[string]any

type event struct {
	Type, Subject string
	Time          time.Time
	Delivery      int
	Data          struct{ Province, Procedure, Case, Channel, Payer_group string }
}

type limit struct {
	Value float64
	Unit  string
}

var connector struct{ Sandbox, Key, Events string } // what `lienthong connect --json` prints
var portal, door string

func main() {
	content, err := os.ReadFile("connector.json")
	check(err)
	check(json.Unmarshal(content, &connector))
	portal, door = os.Getenv("LIENTHONG_URL"), strings.TrimSuffix(connector.Events, "/events")
	log.Print("connected to ", door)
	for {
		var batch []event
		call("GET", connector.Events+"?subscription=go-pull&wait=30", "", nil, &batch)
		for _, told := range batch {
			switch told.Type {
			case "dossier.submitted.v1":
				receive(told)
			case "payment.confirmed.v1":
				finish(told)
			}
			cursor := object{"cursor": told.Delivery} // acknowledged only after everything was said
			call("PUT", door+"/subscriptions/go-pull", "application/json", cursor, nil)
		}
	}
}

func receive(told event) {
	data, day, catalogue := told.Data, told.Time.Format("2006-01-02"), portal+"/api/v1/procedures/"+told.Data.Procedure
	var procedure struct {
		Cases []struct {
			Code   string
			Limits map[string]limit
		}
	}
	call("GET", catalogue+"?on="+day, "", nil, &procedure)
	chosen := procedure.Cases[0]
	for _, each := range procedure.Cases {
		if each.Code == data.Case {
			chosen = each
		}
	}
	at, allowed := told.Time.Truncate(time.Second), chosen.Limits[data.Channel] // before the result, if only by a moment
	say(told, "dossier.received.v1", object{"received_at": at.Format(seconds), "officer": officer,
		"due_at": due(at, allowed).Format(seconds), "working_days": allowed.Value})

	query := url.Values{"on": {day}, "province": {data.Province}, "channel": {data.Channel}, "case": {chosen.Code}}
	if data.Payer_group != "" {
		query.Set("payer_group", data.Payer_group)
	}
	var fee struct{ Total_dong int }
	call("GET", catalogue+"/fee?"+query.Encode(), "", nil, &fee)
	if fee.Total_dong == 0 {
		finish(told)
	} else { // then payment.confirmed.v1 is awaited
		say(told, "dossier.fee_demanded.v1", object{"fee_dong": fee.Total_dong, "demanded_at": told.Time.Format(thousandths)})
	}
}

func finish(told event) {
	at, address := told.Time.Format(thousandths), door+"/dossiers/"+told.Subject
	say(told, "dossier.processing_started.v1", object{"started_at": at, "officer": officer})
	result, err := os.ReadFile("../result.pdf")
	check(err)
	call("PUT", address+"/result", "application/pdf", result, nil)
	number := told.Subject[strings.LastIndex(told.Subject, "-")+1:] + "/KQ"
	say(told, "dossier.result_ready.v1", object{"ready_at": at, "officer": officer, "on_time": true, "result_number": number})
	dossier := struct{ Return_by string }{"online"} // a real system has this in its own database
	call("GET", address, "", nil, &dossier)
	say(told, "dossier.result_returned.v1", object{"returned_at": at, "channel": dossier.Return_by})
}

// say sends a message, whose id names dossier and step, and prints the verdict.
func say(told event, kind string, facts object) {
	facts["dossier_code"], facts["province"], facts["procedure"] = told.Subject, told.Data.Province, told.Data.Procedure
	var verdict struct {
		Outcome string
		Errors  []struct{ Rule, Pointer, Title, Expected string }
	}
	call("POST", connector.Events, "application/cloudevents+json", object{
		"specversion": "1.0", "id": told.Subject + "/" + kind, "source": "/connectors/go-pull", "type": kind,
		"subject": told.Subject, "time": told.Time.Format(thousandths), "data": facts}, &verdict)
	log.Print(verdict.Outcome, ": ", kind, " of ", told.Subject)
	for _, each := range verdict.Errors {
		log.Printf("  %s at %s: %s. Expected: %s", each.Rule, each.Pointer, each.Title, each.Expected)
	}
}

// due is the closing time of the last day of a limit in working days: Monday to Friday, without DAYS_OFF.
func due(at time.Time, allowed limit) time.Time {
	works := func(day time.Time) bool {
		isOff := strings.Contains(os.Getenv("DAYS_OFF"), day.Format("2006-01-02"))
		return !isOff && day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
	}
	day, days := at, int(allowed.Value)
	if allowed.Unit == "same_day" && works(at) && at.Hour() < 15 {
		days = 0
	}
	for days > 0 {
		if day = day.AddDate(0, 0, 1); works(day) {
			days--
		}
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 17, 0, 0, 0, day.Location())
}

// call asks over HTTP. 422 has a verdict too; 409 to a result: it was announced by an earlier run.
func call(method, address, kind string, body any, reply any) {
	content, isFile := body.([]byte)
	if !isFile && body != nil {
		var err error
		content, err = json.Marshal(body)
		check(err)
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(content))
	check(err)
	if strings.HasPrefix(address, door) { // the portal's catalogue is open to all
		request.Header.Set("Authorization", "Bearer "+connector.Key)
	}
	request.Header.Set("X-Sandbox", connector.Sandbox)
	request.Header.Set("Content-Type", kind)
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	check(err)
	if code := response.StatusCode; code >= 300 && !(code == 422 && kind == "application/cloudevents+json") && !(code == 409 && isFile) {
		log.Fatalf("%s %s: %s %s", method, address, response.Status, answer)
	}
	if reply != nil {
		check(json.Unmarshal(answer, reply))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
