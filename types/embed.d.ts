// What a page hears of the checkout that it shows with embed.js. Copy this file into your project, or name it in the
// "include" of tsconfig.json; it declares global types and needs no import.
//
// Each event is dispatched on the element with data-checkout or data-checkout-open, and bubbles. None of them proves a
// payment: fulfil orders when the webhook or the API says so.

/** The state of the page in the frame. More may be added. */
type CheckoutState = "open" | "requires_action" | "instructions" | "processing" | "completed" | "expired";

interface CheckoutDetail {
  /** The session, cs_… */
  readonly id: string;
  /** Closes the dialog. Inline it does nothing. */
  readonly close: () => void;
}

interface CheckoutReadyDetail extends CheckoutDetail {
  readonly state: CheckoutState;
}

interface CheckoutResizeDetail extends CheckoutDetail {
  /** In CSS pixels. The frame has been set to it. */
  readonly height: number;
}

interface CheckoutCompletedDetail extends CheckoutDetail {
  /** success_url, where the page goes next unless the event is prevented. */
  readonly redirect: string;
}

interface CheckoutCancelDetail extends CheckoutDetail {
  /** cancel_url, where an inline page goes next unless the event is prevented; a dialog closes and may not have it. */
  readonly redirect?: string;
}

interface CheckoutEventMap {
  /** A page stands in the frame: at first, and after every form. */
  "checkout:ready": CustomEvent<CheckoutReadyDetail>;
  /** Its height has changed. */
  "checkout:resize": CustomEvent<CheckoutResizeDetail>;
  /** A form is being sent. Until "ready" or "failed" nothing closes the dialog. */
  "checkout:submitting": CustomEvent<CheckoutDetail>;
  /** A payment did not go through; the buyer can try again. */
  "checkout:failed": CustomEvent<CheckoutDetail>;
  /** The page says that the order is paid. Cancelable. */
  "checkout:completed": CustomEvent<CheckoutCompletedDetail>;
  /** The buyer wants to leave: the link, Esc or the dialog's button. Cancelable. */
  "checkout:cancel": CustomEvent<CheckoutCancelDetail>;
  /** The time to pay is over. */
  "checkout:expired": CustomEvent<CheckoutDetail>;
}

interface ElementEventMap extends CheckoutEventMap {}
interface DocumentEventMap extends CheckoutEventMap {}
interface WindowEventMap extends CheckoutEventMap {}
