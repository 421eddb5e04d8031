package checkout

import "time"

// Instructor is a provider whose buyer pays elsewhere: by transfer, at the door, later. While an attempt is open the page
// shows what to do. It does not call the network, and gives the same for the same question.
type Instructor interface {
	Instructions(q InstructionQuery) Instructions
}

// InstructionQuery asks what the buyer of a charge has to do. Due is what is still to be paid, in minor units: less than
// the charge's amount after a part has come. Locale is a BCP 47 tag.
type InstructionQuery struct {
	Charge ChargeRef
	Due    int64
	Locale string
}

// Instructions are what a buyer has to do. The page adds the amount that is due and the date until which it is waited for.
type Instructions struct {
	Text   []string           // paragraphs in the locale that was asked for
	Fields []InstructionField // what the buyer's bank asks for, in its order
	QR     string             // the content of a code that fills it all in, at most 331 bytes (EPC069-12); empty for none
	Bound  bool               // the order counts from now on: the buyer cannot choose another way any more
	Until  time.Time          // the last day to pay, where the session is kept longer than that; zero for the session's end
}

// InstructionField is a line to copy. The page has words for payee, iban, bic, bank and reference; Label stands for
// everything else.
type InstructionField struct {
	Key, Label string
	Value      string // as people read it: groups of four are fine
	Copy       string // as machines take it, where that differs
}
