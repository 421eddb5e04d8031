package e2e

import (
	"strings"
	"testing"
)

// The table of the hosted page: where a buyer stands × what the buyer does, each in a browser with scripts and in one
// without. Every line says what is shown in the end (and its HTTP status), what the session has become, how many attempts
// there are, how many of them took money at the provider, and which events were told. On top of every line stand the rules
// of [visit.never].
var pageTable = []cell{
	// where          what                 shown                  session                      attempts charges events
	{atOpen, refresh, "open 200", "pending unpaid", 0, 0, ""},
	{atOpen, leaveAndBack, "open 200", "pending unpaid", 0, 0, ""},
	{atOpen, payInBothTabs, "shop 200", "completed paid", 1, 1, "completed"},
	{atOpen, payInBothTabsAtOnce, "shop|processing|completed 200", "completed paid", 1, 1, "completed"},
	{atOpen, doubleClick, "shop|processing|completed 200", "completed paid", 1, 1, "completed"},
	{atOpen, doubleClickSlowly, "shop|processing|completed 200", "completed paid", 1, 1, "completed"},
	{atOpen, payAndSendAgain, "shop 200", "completed paid", 1, 1, "completed"},
	{atOpen, payAndBackFromShop, "completed 200 / copy shop 200", "completed paid", 1, 1, "completed"},
	{atOpen, payAfterTheEnd, "expired 200", "expired unpaid", 0, 0, "expired"},
	{atOpen, payWhenTimeIsUp, "expired 200", "pending unpaid", 0, 0, ""},

	// The answer 422 belongs to a form: without scripts browsers ask before they send it again, and sending it is harmless.
	{atMistake, refresh, "open 200 / open 422", "pending unpaid", 0, 0, ""},
	{atMistake, leaveAndBack, "open 200 / again? 0", "pending unpaid", 0, 0, ""},
	{atMistake, payInBothTabs, "shop 200", "completed paid", 1, 1, "completed"},
	{atMistake, sendAgain, "open 422", "pending unpaid", 0, 0, ""},
	{atMistake, payAndBackFromShop, "completed 200 / again? 0", "completed paid", 1, 1, "completed"},
	{atMistake, payAndSendTheFirstAgain, "shop 200", "completed paid", 1, 1, "completed"},

	{atDeclined, refresh, "open 200", "pending unpaid", 1, 0, "failed"},
	{atDeclined, leaveAndBack, "open 200", "pending unpaid", 1, 0, "failed"},
	{atDeclined, payInBothTabs, "shop 200", "completed paid", 2, 1, "failed completed"},
	{atDeclined, payInBothTabsAtOnce, "shop|processing|completed 200", "completed paid", 2, 1, "failed completed"},
	{atDeclined, sendAgain, "open 200", "pending unpaid", 1, 0, "failed"},
	{atDeclined, payAndSendAgain, "shop 200", "completed paid", 2, 1, "failed completed"},
	{atDeclined, payAndSendTheFirstAgain, "shop 200", "completed paid", 2, 1, "failed completed"},
	{atDeclined, payAndBackFromShop, "completed 200 / copy shop 200", "completed paid", 2, 1, "failed completed"},

	{atBank, refresh, "test_bank 200", "pending requires_action", 1, 0, ""},
	{atBank, back, "requires_action 200 / copy test_bank 200", "pending requires_action", 1, 0, ""},
	{atBank, approveInBothTabs, "shop 200", "completed paid", 1, 1, "completed"},
	{atBank, approveAndSendAgain, "shop 200", "completed paid", 1, 1, "completed"},
	{atBank, approveAndRefuse, "shop 200", "completed paid", 1, 1, "completed"},
	{atBank, approveAndBack, "completed 200 / copy shop 200", "completed paid", 1, 1, "completed"},
	{atBank, sendAgain, "test_bank 200", "pending requires_action", 1, 0, ""},
	{atBank, approveWhenTimeIsUp, "shop 200", "completed paid", 1, 1, "completed"}, // the bank was reached in time
	{atBank, approveWhatWasTakenBack, "open 200", "pending unpaid", 1, 0, "failed"},

	{atBankAsks, refresh, "requires_action 200", "pending requires_action", 1, 0, ""},
	{atBankAsks, leaveAndBack, "requires_action 200", "pending requires_action", 1, 0, ""},
	{atBankAsks, takeBackInBothTabs, "open 200", "pending unpaid", 1, 0, "failed"},
	{atBankAsks, takeBackAndSendAgain, "open 200", "pending unpaid", 1, 0, "failed"},

	{atFields, refresh, "requires_action 200", "pending requires_action", 1, 0, ""},
	{atFields, leaveAndBack, "requires_action 200", "pending requires_action", 1, 0, ""},
	{atFields, payAtStripeInBothTabs, "shop|completed 200", "completed paid", 1, 1, "completed"},
	{atFields, sendAgain, "requires_action 200", "pending requires_action", 1, 0, ""},

	{atInstructions, refresh, "instructions 200", "pending requires_action", 1, 0, ""},
	{atInstructions, leaveAndBack, "instructions 200", "pending requires_action", 1, 0, ""},
	{atInstructions, takeBackInBothTabs, "open 200", "pending unpaid", 1, 0, "failed"},
	{atInstructions, sendAgain, "instructions 200", "pending requires_action", 1, 0, ""},
	{atInstructions, whenTimeIsUp, "instructions 200", "pending requires_action", 1, 0, ""}, // the transfer may be on its way

	{atProcessing, refresh, "processing 200", "pending processing", 1, 0, "processing"},
	{atProcessing, leaveAndBack, "processing 200", "pending processing", 1, 0, "processing"},
	{atProcessing, lookInBothTabs, "processing 200", "pending processing", 1, 0, "processing"},
	{atProcessing, sendAgain, "processing 200", "pending processing", 1, 0, "processing"},
	{atProcessing, sendAgainAndHear, "completed 200", "completed paid", 1, 1, "processing completed"},

	{atUnknown, refresh, "processing 200", "pending processing", 1, 1, ""},
	{atUnknown, leaveAndBack, "processing 200", "pending processing", 1, 1, ""},
	{atUnknown, lookInBothTabs, "processing 200", "pending processing", 1, 1, ""},
	{atUnknown, sendAgain, "processing 200", "pending processing", 1, 1, ""},
	{atUnknown, whenTimeIsUp, "processing 200", "pending processing", 1, 1, ""},
	{atUnknown, sendAgainAndHear, "completed 200", "completed paid", 1, 1, "completed"},

	{atSlow, refresh, "shop|processing|completed 200", "completed paid", 1, 1, "completed"},
	{atSlow, leaveAndPayAgain, "shop|processing|completed 200", "completed paid", 1, 1, "completed"},
	{atSlow, lookInSecondTab, "shop|completed 200", "completed paid", 1, 1, "completed"},
	{atSlow, sendAgain, "processing|completed 200", "completed paid", 1, 1, "completed"},

	{atCompleted, refresh, "completed 200", "completed paid", 1, 1, "completed"},
	{atCompleted, leaveAndBack, "completed 200", "completed paid", 1, 1, "completed"},
	{atCompleted, lookInBothTabs, "completed 200", "completed paid", 1, 1, "completed"},
	{atCompleted, sendAgain, "shop 200", "completed paid", 1, 1, "completed"},
	{atCompleted, whenTimeIsUp, "completed 200", "completed paid", 1, 1, "completed"},

	{atEnded, refresh, "expired 200", "expired unpaid", 0, 0, "expired"},
	{atEnded, leaveAndBack, "expired 200", "expired unpaid", 0, 0, "expired"},
	{atEnded, lookInBothTabs, "expired 200", "expired unpaid", 0, 0, "expired"},
	{atEnded, sendAgain, "expired 200", "expired unpaid", 0, 0, "expired"},

	{atPaidElsewhere, refresh, "completed 200", "completed paid", 1, 1, "completed"},
	{atPaidElsewhere, payInFirstTab, "shop 200", "completed paid", 1, 1, "completed"},
	{atPaidElsewhere, leaveAndBack, "completed 200 / copy shop 200", "completed paid", 1, 1, "completed"},
	{atPaidElsewhere, payAndSendAgain, "shop 200", "completed paid", 1, 1, "completed"},
	{atPaidElsewhere, payAndBackFromShop, "completed 200 / copy shop 200", "completed paid", 1, 1, "completed"},

	{atNothing, refresh, "not_found 404", "", 0, 0, ""},
	{atNothing, leaveAndBack, "not_found 404", "", 0, 0, ""},
	{atNothing, lookInBothTabs, "not_found 404", "", 0, 0, ""},
	{atNothing, sendAFormOfAnother, "not_found 404", "", 0, 0, ""},
}

func TestBrowserPageStates(t *testing.T) {
	t.Parallel()
	for _, c := range pageTable {
		for _, scripts := range []bool{true, false} {
			t.Run(c.name(scripts), func(t *testing.T) {
				t.Parallel()
				v := &visit{t: t, scripts: scripts}
				c.at.arrive(v)
				c.does.do(v)
				v.check(c)
			})
		}
	}
}

// The table has a line for everything that buyers do everywhere, in every place.
func TestPageTableIsWhole(t *testing.T) {
	done := map[string]bool{}
	for _, c := range pageTable {
		done[c.at.name+c.does.kind] = true
	}
	for _, c := range pageTable {
		for _, kind := range []string{refreshing, goingBack, secondTab, replaying} {
			if !done[c.at.name+kind] {
				t.Errorf("%s has no line for %s", c.at.name, kind)
			}
		}
	}
}

func (c cell) name(scripts bool) string {
	name := c.at.name + ", " + c.does.name
	if !scripts {
		name += ", no scripts"
	}
	return strings.ReplaceAll(name, " ", "_")
}
